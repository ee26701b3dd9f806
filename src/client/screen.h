/* SPDX-License-Identifier: MIT
 *
 * The whole screen of a terminal, for views that are drawn again and again; by ncurses. */
#ifndef TP_CLIENT_SCREEN_H
#define TP_CLIENT_SCREEN_H

#include "client/style.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct tp_screen tp_screen;

/* Keys that are not characters. */
enum {
  TP_SCREEN_NONE = -1,     /* none was pressed in time */
  TP_SCREEN_UP = 0x110000, /* behind all characters */
  TP_SCREEN_DOWN,          /* the other way */
  TP_SCREEN_RESIZE,        /* the terminal has another size */
  TP_SCREEN_ENTER,         /* the end of a line */
  TP_SCREEN_ESCAPE,        /* Escape or ^C */
  TP_SCREEN_ERASE,         /* the character before goes */
};

/* Takes the terminal over. NULL: it cannot be, or the program was built without ncurses. */
tp_screen *tp_screen_open(FILE *in, FILE *out, bool color);

/* Its size. */
int tp_screen_width(const tp_screen *screen);
int tp_screen_height(const tp_screen *screen);

/* Begins a new picture, and shows it. */
void tp_screen_begin(tp_screen *screen);
void tp_screen_show(tp_screen *screen);

/* Writes a text, without what steers a terminal, cut to `columns`. Returns how many it takes. */
int tp_screen_put(tp_screen *screen, int row, int column, int columns, tp_style_kind style,
                  const char *text);

/* Marks the whole row, such as the one that is selected. */
void tp_screen_mark(tp_screen *screen, int row);

/* Waits for a key: a character, or one of those above. */
int tp_screen_key(tp_screen *screen, int milliseconds);

/* Gives the terminal back; NULL is allowed. */
void tp_screen_close(tp_screen *screen);

#endif
