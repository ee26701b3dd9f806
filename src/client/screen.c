/* SPDX-License-Identifier: MIT
 *
 * The screen of a terminal; see screen.h. */
#include "client/screen.h"

#ifdef TP_HAVE_NCURSES

#define NCURSES_WIDECHAR 1
#include "base/utf8.h"
#include "client/escape.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct tp_screen {
  SCREEN *terminal; /* of ncurses */
  bool color;       /* styles have colours */
};

static void set_up(tp_screen *screen) {
  raw();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  curs_set(0);
  set_escdelay(25);
  screen->color = screen->color && has_colors();
  if (!screen->color)
    return;
  start_color();
  use_default_colors();
  init_pair(TP_STYLE_GOOD, COLOR_GREEN, -1);
  init_pair(TP_STYLE_WARN, COLOR_YELLOW, -1);
  init_pair(TP_STYLE_BAD, COLOR_RED, -1);
}

tp_screen *tp_screen_open(FILE *in, FILE *out, bool color) {
  tp_screen *screen = calloc(1, sizeof *screen);
  if (!screen)
    return NULL;
  screen->color = color;
  screen->terminal = newterm(NULL, out, in);
  if (!screen->terminal) {
    free(screen);
    return NULL;
  }
  set_up(screen);
  return screen;
}

int tp_screen_width(const tp_screen *screen) {
  (void)screen;
  return COLS;
}

int tp_screen_height(const tp_screen *screen) {
  (void)screen;
  return LINES;
}

void tp_screen_begin(tp_screen *screen) {
  (void)screen;
  erase();
}

void tp_screen_show(tp_screen *screen) {
  (void)screen;
  refresh();
}

static attr_t attributes_of(const tp_screen *screen, tp_style_kind style) {
  if (style == TP_STYLE_TITLE)
    return A_BOLD;
  if (style == TP_STYLE_DIM)
    return A_DIM;
  return screen->color && style != TP_STYLE_PLAIN ? COLOR_PAIR(style) : A_NORMAL;
}

int tp_screen_put(tp_screen *screen, int row, int column, int columns, tp_style_kind style,
                  const char *text) {
  char *clean = tp_escape_text(text, strlen(text));
  if (!clean || columns <= 0 || row < 0 || row >= LINES) {
    free(clean);
    return 0;
  }
  clean[strcspn(clean, "\n\t")] = '\0';
  size_t length = tp_utf8_fit(clean, strlen(clean), columns);
  int width = tp_utf8_width(clean, length);
  attr_t attributes = attributes_of(screen, style);
  attron(attributes);
  mvaddnstr(row, column, clean, (int)length);
  attroff(attributes);
  free(clean);
  return width;
}

void tp_screen_mark(tp_screen *screen, int row) {
  (void)screen;
  mvchgat(row, 0, -1, A_REVERSE, 0, NULL);
}

static int translate(wint_t key, bool is_special) {
  if (is_special && (key == KEY_UP || key == KEY_DOWN))
    return key == KEY_UP ? TP_SCREEN_UP : TP_SCREEN_DOWN;
  if (is_special && key == KEY_RESIZE)
    return TP_SCREEN_RESIZE;
  if ((is_special && key == KEY_ENTER) || (!is_special && (key == L'\r' || key == L'\n')))
    return TP_SCREEN_ENTER;
  if ((is_special && key == KEY_BACKSPACE) || (!is_special && (key == 127 || key == 8)))
    return TP_SCREEN_ERASE;
  if (!is_special && (key == 27 || key == 3))
    return TP_SCREEN_ESCAPE;
  return is_special ? TP_SCREEN_NONE : (int)key;
}

int tp_screen_key(tp_screen *screen, int milliseconds) {
  wint_t key = 0;
  (void)screen;
  timeout(milliseconds);
  int kind = get_wch(&key);
  return kind == ERR ? TP_SCREEN_NONE : translate(key, kind == KEY_CODE_YES);
}

void tp_screen_close(tp_screen *screen) {
  if (!screen)
    return;
  endwin();
  delscreen(screen->terminal);
  free(screen);
}

#else

#include <stddef.h>

tp_screen *tp_screen_open(FILE *in, FILE *out, bool color) {
  (void)in, (void)out, (void)color;
  return NULL;
}

int tp_screen_width(const tp_screen *screen) {
  (void)screen;
  return 0;
}

int tp_screen_height(const tp_screen *screen) {
  (void)screen;
  return 0;
}

void tp_screen_begin(tp_screen *screen) {
  (void)screen;
}

void tp_screen_show(tp_screen *screen) {
  (void)screen;
}

int tp_screen_put(tp_screen *screen, int row, int column, int columns, tp_style_kind style,
                  const char *text) {
  (void)screen, (void)row, (void)column, (void)columns, (void)style, (void)text;
  return 0;
}

void tp_screen_mark(tp_screen *screen, int row) {
  (void)screen, (void)row;
}

int tp_screen_key(tp_screen *screen, int milliseconds) {
  (void)screen, (void)milliseconds;
  return TP_SCREEN_NONE;
}

void tp_screen_close(tp_screen *screen) {
  (void)screen;
}

#endif
