/* SPDX-License-Identifier: MIT
 *
 * Prints the table of pool methods, and the commands of a session, as a Lua chunk that returns
 * them. scripts/lib/reference.lua makes docs/methods.md of it.
 *
 *     return { { name = "apply", on = 1, usage = "apply FUNC …", params = { … }, … }, … } */
#include "binding/method.h"
#include "command/spelling.h"
#include "server/builtin.h"

#include <stdio.h>

/* Prints `key` with a text; nothing for NULL. The texts have no quotes and no backslashes. */
static void print_text(const char *key, const char *text) {
  if (text)
    printf("%s = \"%s\", ", key, text);
}

static void print_param(const tp_param *param) {
  char value[TP_SPELLING_SIZE], command[TP_SPELLING_SIZE];
  char letter[2] = {param->letter};
  printf("    { ");
  print_text("name", param->name);
  print_text("kind", tp_method_kind_name(param->kind));
  print_text("type", tp_method_type_name(param->type));
  print_text("letter", param->letter ? letter : NULL);
  print_text("value", tp_spelling_value(param, value));
  print_text("long", tp_method_is_option(param) ? tp_spelling_command(param->name, command) : NULL);
  print_text("fallback", param->fallback);
  print_text("help", param->help);
  printf("},\n");
}

/* Prints the command as the usage line of its help shows it. */
static void print_usage(const tp_method *method) {
  char text[TP_SPELLING_SIZE];
  printf("usage = \"%s", tp_spelling_command(method->name, text));
  for (int options = 0; options <= 1; options++)
    for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++)
      if (tp_method_is_option(param) == options)
        printf(" %s", tp_spelling_usage(param, text));
  printf("\", ");
}

static void print_methods(const tp_method *methods, const char *of) {
  for (const tp_method *method = methods; method->name; method++) {
    printf("  { ");
    print_text("name", method->name);
    print_text("of", of);
    printf("on = %d, property = %s, ", method->on, method->property ? "true" : "false");
    print_text("summary", method->summary);
    print_usage(method);
    printf("params = {\n");
    for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++)
      print_param(param);
    printf("  } },\n");
  }
}

int main(void) {
  printf("return {\n");
  print_methods(tp_methods, "pool");
  print_methods(tp_builtins, "session");
  printf("}\n");
  return 0;
}
