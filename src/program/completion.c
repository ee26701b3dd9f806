/* SPDX-License-Identifier: MIT
 *
 * `taskpool completion`: a script that completes the words of the program in a shell. It is made of
 * the records of the sub-commands, so it knows what they know. After the address of a control
 * server the script asks that server, by the command `complete`.
 *
 * To add a shell: a function and a record in `shells`. */
#include "program/subcommand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const tp_subcommand *const *subcommands;

/* Calls `visit` with each option of a sub-command. */
static void each_option(const tp_subcommand *of,
                        void (*visit)(const tp_subcommand *of, const tp_option *option)) {
  for (const tp_option *const *table = of->options; *table; table++)
    for (const tp_option *option = *table; option->name; option++)
      visit(of, option);
}

/* Prints the text in single quotes. `quote` is what stands for one inside. */
static void print_quoted(const char *text, const char *quote) {
  putc('\'', stdout);
  for (; *text; text++) {
    if (*text == '\'')
      fputs(quote, stdout);
    else
      putc(*text, stdout);
  }
  putc('\'', stdout);
}

static const char *names_of_files(const tp_option *option) {
  return option->of == TP_OPTION_OF_FILE ? "-f" : option->of == TP_OPTION_OF_DIRECTORY ? "-d" : "";
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# Completion of taskpool for bash: source <(taskpool completion bash)\n"
    "_taskpool_words() { # the words that there are, or what compgen finds: OPTION...\n"
    "  mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$word\")\n"
    "}\n"
    "_taskpool_control() { # asks the server whose address stands on the line; 1: none does\n"
    "  local at=2 kind line option=()\n"
    "  while ((at < current)) && [[ ${words[at]} == -* ]]; do\n"
    "    option+=(\"${words[at]}\")\n"
    "    case ${words[at]} in\n"
    "    --timeout | --token-file | --color) option+=(\"${words[++at]}\") ;;\n"
    "    esac\n"
    "    ((++at))\n"
    "  done\n"
    "  kind=${words[at]}\n"
    "  ((at >= current)) && return 1\n"
    "  local count=2\n"
    "  [[ $kind == tcp ]] && count=3\n"
    "  if ((at + count > current)); then\n"
    "    if [[ $kind == unix ]]; then\n"
    "      compopt -o filenames\n"
    "      _taskpool_words -f\n"
    "    fi\n"
    "    return 0\n"
    "  fi\n"
    "  line=\"${words[*]:at+count:current-at-count} $word\"\n"
    "  mapfile -t COMPREPLY < <(taskpool control --timeout 1 \"${option[@]}\" \\\n"
    "    \"${words[@]:at:count}\" complete \"${line# }\" 2>/dev/null | sed 1d | cut -f 1)\n"
    "}\n"
    "_taskpool() {\n"
    "  local words=() current word previous index\n"
    "  for ((index = 0; index <= COMP_CWORD; index++)); do # '=' and ':' are words for bash\n"
    "    if [[ ${COMP_WORDS[index]} == [:=] || ${COMP_WORDS[index - 1]} == : ]] && ((index > 1)) "
    "&&\n"
    "      [[ $previous != = ]]; then\n"
    "      [[ ${COMP_WORDS[index]} == = ]] || words[-1]+=${COMP_WORDS[index]}\n"
    "    else\n"
    "      words+=(\"${COMP_WORDS[index]}\")\n"
    "    fi\n"
    "    previous=${COMP_WORDS[index]}\n"
    "  done\n"
    "  [[ ${COMP_WORDS[COMP_CWORD]} == = ]] && words+=('')\n"
    "  current=$((${#words[@]} - 1))\n"
    "  word=${words[current]} previous=${words[current - 1]}\n"
    "  COMPREPLY=()\n";

static void print_bash_value(const tp_subcommand *of, const tp_option *option) {
  (void)of;
  if (!option->value)
    return;
  printf("    %s)\n", option->name);
  if (option->choices)
    printf("      _taskpool_words -W '%s'\n", option->choices);
  else if (*names_of_files(option))
    printf("      compopt -o filenames\n      _taskpool_words %s\n", names_of_files(option));
  puts("      return ;;");
}

static void print_bash_name(const tp_subcommand *of, const tp_option *option) {
  (void)of;
  printf(" %s", option->name);
}

static void print_bash_subcommand(const tp_subcommand *of) {
  bool is_control = strcmp(of->name, "control") == 0;
  printf("  %s)\n", of->name);
  if (is_control)
    puts("    _taskpool_control && return");
  if (*of->options) {
    puts("    case $previous in");
    each_option(of, print_bash_value);
    puts("    esac");
  }
  fputs("    if [[ $word == -* ]]; then\n      _taskpool_words -W '--help", stdout);
  each_option(of, print_bash_name);
  fputs("'\n    else\n      ", stdout);
  if (is_control)
    puts("_taskpool_words -W 'tcp unix'");
  else if (of->values)
    printf("_taskpool_words -W '%s'\n", of->values);
  else
    puts("compopt -o filenames\n      _taskpool_words -f");
  puts("    fi ;;");
}

static void print_bash(subcommands all) {
  fputs(bash_begin, stdout);
  fputs("  if ((current == 1)); then\n    _taskpool_words -W '", stdout);
  for (subcommands each = all; *each; each++)
    printf("%s%s", each == all ? "" : " ", (*each)->name);
  puts("'\n    return\n  fi\n  case ${words[1]} in");
  for (subcommands each = all; *each; each++)
    print_bash_subcommand(*each);
  puts("  esac\n}\ncomplete -F _taskpool taskpool");
}

/* ---- zsh ---- */

/* Prints the text for the part of a specification that ends at a bracket or colon. */
static void print_zsh_text(const char *text) {
  for (; *text; text++) {
    if (strchr("[]:\\", *text))
      putc('\\', stdout);
    if (*text == '\'')
      fputs("'\\'", stdout);
    putc(*text, stdout);
  }
}

static void print_zsh_option(const tp_subcommand *of, const tp_option *option) {
  (void)of;
  printf(" \\\n      '%s%s[", option->name, option->value ? "=" : "");
  print_zsh_text(option->help);
  putc(']', stdout);
  if (option->value) {
    putc(':', stdout);
    print_zsh_text(option->value);
    fputs(option->choices                        ? ":("
          : option->of == TP_OPTION_OF_FILE      ? ":_files"
          : option->of == TP_OPTION_OF_DIRECTORY ? ":_files -/"
                                                 : ": ",
          stdout);
    if (option->choices)
      printf("%s)", option->choices);
  }
  putc('\'', stdout);
}

static const char zsh_begin[] =
    "#compdef taskpool\n"
    "# Completion of taskpool for zsh: a file _taskpool in a directory of fpath\n"
    "_taskpool_control() { # asks the server whose address stands on the line\n"
    "  local -a found answer option\n"
    "  local at=3 count=2 row\n"
    "  while [[ $words[at] == -* ]]; do\n"
    "    option+=($words[at])\n"
    "    case $words[at] in\n"
    "    --timeout | --token-file | --color) option+=($words[++at]) ;;\n"
    "    esac\n"
    "    ((++at))\n"
    "  done\n"
    "  if ((at >= CURRENT)); then\n"
    "    _describe address '(tcp:\"a port\" unix:\"a socket\")'\n"
    "    return\n"
    "  fi\n"
    "  [[ $words[at] == tcp ]] && count=3\n"
    "  if ((at + count > CURRENT)); then\n"
    "    [[ $words[at] == unix ]] && _files\n"
    "    return\n"
    "  fi\n"
    "  answer=(\"${(@f)$(taskpool control --timeout 1 $option ${words[at,at+count-1]} complete \\\n"
    "    \"${(j: :)words[at+count,CURRENT]}\" 2>/dev/null)}\")\n"
    "  for row in ${answer[2,-1]}; do\n"
    "    found+=(\"${${row%%$'\\t'*}//:/\\\\:}:${row#*$'\\t'}\")\n"
    "  done\n"
    "  _describe command found\n"
    "}\n"
    "_taskpool() {\n";

static void print_zsh_subcommand(const tp_subcommand *of) {
  printf("  %s)\n    _arguments '--help[show help]'", of->name);
  each_option(of, print_zsh_option);
  if (strcmp(of->name, "control") == 0)
    puts(" \\\n      '*::command:_taskpool_control' ;;");
  else if (of->values)
    printf(" \\\n      ':value:(%s)' ;;\n", of->values);
  else
    puts(" \\\n      '*:file:_files' ;;");
}

static void print_zsh(subcommands all) {
  fputs(zsh_begin, stdout);
  puts("  local -a subcommands=(");
  for (subcommands each = all; *each; each++) {
    printf("    '%s:", (*each)->name);
    print_zsh_text((*each)->summary);
    puts("'");
  }
  puts("  )\n  if ((CURRENT == 2)); then\n    _describe sub-command subcommands\n    return\n  fi");
  puts("  case $words[2] in");
  for (subcommands each = all; *each; each++)
    print_zsh_subcommand(*each);
  puts("  esac\n}\n_taskpool \"$@\"");
}

/* ---- fish ---- */

static const char fish_begin[] =
    "# Completion of taskpool for fish: taskpool completion fish | source\n"
    "function __taskpool_control # asks the server whose address stands on the line\n"
    "  set -l words (commandline -opc) (commandline -ct)\n"
    "  set -l at 3\n"
    "  set -l option\n"
    "  while string match -q -- '-*' $words[$at]\n"
    "    set -a option $words[$at]\n"
    "    if contains -- $words[$at] --timeout --token-file --color\n"
    "      set at (math $at + 1)\n"
    "      set -a option $words[$at]\n"
    "    end\n"
    "    set at (math $at + 1)\n"
    "  end\n"
    "  set -l count 2\n"
    "  test \"$words[$at]\" = tcp; and set count 3\n"
    "  set -l next (math $at + $count)\n"
    "  if test $at -ge (count $words)\n"
    "    printf 'tcp\\ta port\\nunix\\ta socket\\n'\n"
    "  else if test $next -gt (count $words)\n"
    "    test \"$words[$at]\" = unix; and __fish_complete_path $words[-1]\n"
    "  else\n"
    "    taskpool control --timeout 1 $option $words[$at..(math $next - 1)] complete \\\n"
    "      (string join ' ' -- $words[$next..-1]) 2>/dev/null | tail -n +2\n"
    "  end\n"
    "end\n"
    "complete -c taskpool -f\n";

static void print_fish_option(const tp_subcommand *of, const tp_option *option) {
  printf("complete -c taskpool -n '__fish_seen_subcommand_from %s' -l %s", of->name,
         option->name + 2);
  if (option->short_name)
    printf(" -s %s", option->short_name + 1);
  if (option->value)
    fputs(option->choices || option->of == TP_OPTION_OF_ANYTHING ? " -x" : " -r -F", stdout);
  if (option->choices)
    printf(" -a '%s'", option->choices);
  fputs(" -d ", stdout);
  print_quoted(option->help, "\\'");
  putc('\n', stdout);
}

static void print_fish(subcommands all) {
  fputs(fish_begin, stdout);
  for (subcommands each = all; *each; each++) {
    printf("complete -c taskpool -n __fish_use_subcommand -a %s -d ", (*each)->name);
    print_quoted((*each)->summary, "\\'");
    putc('\n', stdout);
    each_option(*each, print_fish_option);
    if ((*each)->values)
      printf("complete -c taskpool -n '__fish_seen_subcommand_from %s' -a '%s'\n", (*each)->name,
             (*each)->values);
  }
  puts("complete -c taskpool -n '__fish_seen_subcommand_from run' -F");
  puts("complete -c taskpool -n '__fish_seen_subcommand_from control' -a '(__taskpool_control)'");
}

/* ---- the sub-command ---- */

static const struct {
  const char *name;
  void (*print)(subcommands all);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

static int completion(int argc, char **argv, subcommands all) {
  const tp_subcommand *self = &tp_completion_subcommand;
  if (argc == 0)
    return tp_subcommand_complain(self, "SHELL is missing", "");
  if (tp_subcommand_is_help(argv[0]))
    return tp_subcommand_print_help(self);
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
    if (strcmp(argv[0], shells[i].name) == 0) {
      shells[i].print(all);
      return EXIT_SUCCESS;
    }
  }
  return tp_subcommand_complain(self, "expected bash, zsh or fish, not ", argv[0]);
}

const tp_subcommand tp_completion_subcommand = {
    .name = "completion",
    .usage = (const char *const[]){"completion SHELL", NULL},
    .summary = "print what completes the program's words in a shell",
    .about = "Prints a script for SHELL, which is bash, zsh or fish, that completes the words of "
             "this program: sub-commands, options and their values. After the address of a control "
             "server it asks that server for commands, pools, groups, tasks and functions.",
    .options = (const tp_option *const[]){NULL},
    .notes =
        (const char *const[]){
            "In bash: source <(taskpool completion bash). In fish: taskpool "
            "completion fish | source. In zsh: a file _taskpool in a directory of "
            "fpath.",
            NULL},
    .values = "bash zsh fish",
    .call = completion,
};
