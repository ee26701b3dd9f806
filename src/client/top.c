/* SPDX-License-Identifier: MIT
 *
 * `top`; see top.h.
 *
 * How it works: once in PERIOD_MS the server is asked for all that is shown; keys change what is
 * shown of it, or send a command. All goes over the side connection, so the session's own one has
 * no answers left over.
 *
 * To add a key: a function and a row in `keys`. To add an order: a row in `orders`. */
#include "client/top.h"
#include "base/fail.h"
#include "client/style.h"
#include "client/view.h"
#include <stdlib.h>
#include <string.h>

enum {
  PERIOD_MS = 1000, /* between two looks at the host */
  FILTER_SIZE = 64, /* bytes of a filter */
  LINE_SIZE = 200,  /* bytes of the line at the bottom */
};

#define HELP "q quit  s sort  / filter  t traceback  c cancel  p pause"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct top {
  tp_exchange *exchange;    /* with the server */
  tp_screen *screen;        /* the terminal */
  tp_pulse pulse;           /* what is known */
  const json_t **tasks;     /* those that are shown, in order; they belong to `pulse` */
  size_t count;             /* how many */
  size_t selected;          /* one of them */
  size_t order;             /* index in `orders` */
  char filter[FILTER_SIZE]; /* only rows with this text are shown; "": all */
  char message[LINE_SIZE];  /* at the bottom in place of the help; "": none */
  uint64_t looked_at;       /* when the host was looked at */
  bool is_over;             /* it is left */
} top;

/* ---- tasks in order ---- */

static int compare_numbers(const json_t *a, const json_t *b, const char *key) {
  double x = json_number_value(json_object_get(a, key));
  double y = json_number_value(json_object_get(b, key));
  return x < y ? -1 : x > y;
}

static int by_id(const void *a, const void *b) {
  return compare_numbers(*(json_t *const *)a, *(json_t *const *)b, "id");
}

static int by_busy(const void *a, const void *b) {
  int order = compare_numbers(*(json_t *const *)b, *(json_t *const *)a, "busy");
  return order ? order : by_id(a, b);
}

static int by_age(const void *a, const void *b) {
  int order = compare_numbers(*(json_t *const *)b, *(json_t *const *)a, "age");
  return order ? order : by_id(a, b);
}

/* Ways to sort tasks. */
static const struct {
  const char *name;
  int (*compare)(const void *a, const void *b);
} orders[] = {
    {.name = "busy", .compare = by_busy},
    {.name = "age", .compare = by_age},
    {.name = "id", .compare = by_id},
};

/* Chooses and sorts the tasks to be shown; the selected one stays selected. */
static void arrange(top *self) {
  size_t index, all = json_array_size(self->pulse.tasks);
  const json_t *row;
  const json_t **tasks = realloc(self->tasks, (all + 1) * sizeof *tasks);
  if (!tasks)
    return;
  self->tasks = tasks;
  self->count = 0;
  json_array_foreach(self->pulse.tasks, index, row) {
    if (tp_view_has(row, self->filter))
      tasks[self->count++] = row;
  }
  qsort(tasks, self->count, sizeof *tasks, orders[self->order].compare);
  if (self->selected >= self->count)
    self->selected = self->count > 0 ? self->count - 1 : 0;
}

/* The id of the selected task; -1: there is none. */
static json_int_t selected_id(const top *self) {
  return self->count > 0 ? json_integer_value(json_object_get(self->tasks[self->selected], "id"))
                         : -1;
}

/* ---- looking ---- */

static void look(top *self) {
  json_int_t before = selected_id(self);
  self->looked_at = tp_connection_now();
  if (!tp_pulse_take(&self->pulse, self->exchange))
    snprintf(self->message, sizeof self->message, "the host does not answer");
  arrange(self);
  for (size_t i = 0; i < self->count; i++)
    if (json_integer_value(json_object_get(self->tasks[i], "id")) == before)
      self->selected = i;
}

static void draw(const top *self) {
  char bottom[LINE_SIZE + FILTER_SIZE];
  snprintf(bottom, sizeof bottom, "%s  (by %s%s%s)", HELP, orders[self->order].name,
           *self->filter ? ", with " : "", self->filter);
  tp_view view = {
      .screen = self->screen,
      .pulse = &self->pulse,
      .tasks = self->tasks,
      .count = self->count,
      .selected = self->selected,
      .filter = self->filter,
      .bottom = *self->message ? self->message : bottom,
  };
  tp_view_draw(&view);
}

/* ---- keys ---- */

static void leave(top *self) {
  self->is_over = true;
}

static void move_up(top *self) {
  self->selected -= self->selected > 0;
}

static void move_down(top *self) {
  self->selected += self->selected + 1 < self->count;
}

static void sort(top *self) {
  self->order = (self->order + 1) % COUNT(orders);
  arrange(self);
}

/* Waits for a key, however long that takes. */
static int wait_for_key(const top *self) {
  int key;
  do
    key = tp_screen_key(self->screen, -1);
  while (key == TP_SCREEN_RESIZE);
  return key;
}

/* Takes a key of a filter that is typed. False: it is complete. */
static bool edit_filter(top *self, int key) {
  size_t length = strlen(self->filter);
  if (key == TP_SCREEN_ESCAPE)
    *self->filter = '\0';
  if (key == TP_SCREEN_ERASE && length > 0)
    self->filter[length - 1] = '\0';
  if (key >= ' ' && key < 0x7F && length + 1 < FILTER_SIZE)
    strcpy(self->filter + length, (char[]){(char)key, '\0'});
  return key != TP_SCREEN_ENTER && key != TP_SCREEN_ESCAPE && key != TP_SCREEN_NONE;
}

static void filter(top *self) {
  do {
    snprintf(self->message, sizeof self->message, "filter: %s_", self->filter);
    arrange(self);
    draw(self);
  } while (edit_filter(self, wait_for_key(self)));
  *self->message = '\0';
  arrange(self);
}

/* Sends a command for the selected task, and returns its value. */
static json_t *ask_for_task(top *self, const char *command) {
  char id[32];
  const char *words[] = {command, id, NULL};
  snprintf(id, sizeof id, "%lld", (long long)selected_id(self));
  return self->count > 0 ? tp_exchange_ask_aside(self->exchange, words) : NULL;
}

static void show_traceback(top *self) {
  char title[LINE_SIZE];
  json_t *value = ask_for_task(self, "traceback");
  snprintf(title, sizeof title, "Task %lld", (long long)selected_id(self));
  if (json_is_string(value)) {
    tp_view_text(self->screen, title, json_string_value(value));
    wait_for_key(self);
  } else {
    snprintf(self->message, sizeof self->message, "there is no such task any more");
  }
  json_decref(value);
}

static void cancel(top *self) {
  if (self->count == 0)
    return;
  snprintf(self->message, sizeof self->message, "cancel task %lld? y",
           (long long)selected_id(self));
  draw(self);
  bool sure = wait_for_key(self) == 'y';
  *self->message = '\0';
  if (!sure)
    return;
  json_decref(ask_for_task(self, "cancel"));
  look(self);
}

static void toggle_pause(top *self) {
  static const char *const words[] = {"pause", "--toggle", NULL};
  json_decref(tp_exchange_ask_aside(self->exchange, words));
  look(self);
}

/* Keys and what they do. */
static const struct {
  int key;
  void (*press)(top *self);
} keys[] = {
    {.key = 'q', .press = leave},
    {.key = TP_SCREEN_ESCAPE, .press = leave},
    {.key = TP_SCREEN_UP, .press = move_up},
    {.key = 'k', .press = move_up},
    {.key = TP_SCREEN_DOWN, .press = move_down},
    {.key = 'j', .press = move_down},
    {.key = 's', .press = sort},
    {.key = '/', .press = filter},
    {.key = 't', .press = show_traceback},
    {.key = TP_SCREEN_ENTER, .press = show_traceback},
    {.key = 'c', .press = cancel},
    {.key = 'p', .press = toggle_pause},
};

static void press(top *self, int key) {
  if (key == TP_SCREEN_NONE)
    return;
  *self->message = '\0';
  for (size_t i = 0; i < COUNT(keys); i++)
    if (keys[i].key == key)
      keys[i].press(self);
}

/* ---- the loop ---- */

static int left_of_period(const top *self) {
  uint64_t passed = (tp_connection_now() - self->looked_at) / 1000000;
  return passed < PERIOD_MS ? PERIOD_MS - (int)passed : 0;
}

static void run(top *self) {
  while (!self->is_over) {
    if (left_of_period(self) == 0)
      look(self);
    draw(self);
    press(self, tp_screen_key(self->screen, left_of_period(self)));
  }
}

bool tp_top_run(tp_exchange *exchange, FILE *in) {
  tp_error error;
  const tp_show *show = &exchange->show;
  top self = {.exchange = exchange};
  bool is_terminal = tp_style_is_terminal(show->out) && tp_style_is_terminal(in);
  if (exchange->link.protocol >= TP_LINK_WORDS && is_terminal)
    self.screen = tp_screen_open(in, show->out, show->color_out);
  if (self.screen) {
    run(&self);
  } else {
    tp_fail(&error, TP_NOT_AVAILABLE,
            "top needs a terminal, a server that knows it, and a program built with ncurses");
    tp_exchange_fail(exchange, &error);
  }
  tp_screen_close(self.screen);
  tp_pulse_clear(&self.pulse);
  free(self.tasks);
  return true;
}
