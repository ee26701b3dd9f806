/* SPDX-License-Identifier: MIT
 *
 * What other threads ask a host to do; see mailbox.h. */
#include "host/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef STAILQ_HEAD(letter_list, tp_letter) letter_list;

struct tp_mailbox {
  atomic_uint references; /* the host, and who might post */
  uv_mutex_t lock;        /* for what follows */
  uv_async_t *wake;       /* sent when the mailbox is no longer empty; NULL: the host is gone */
  letter_list letters;    /* posted, not opened; the oldest first */
};

tp_mailbox *tp_mailbox_create(uv_async_t *wake) {
  tp_mailbox *mailbox = calloc(1, sizeof *mailbox);
  if (!mailbox)
    return NULL;
  if (uv_mutex_init(&mailbox->lock) != 0) {
    free(mailbox);
    return NULL;
  }
  atomic_init(&mailbox->references, 1);
  mailbox->wake = wake;
  STAILQ_INIT(&mailbox->letters);
  return mailbox;
}

tp_mailbox *tp_mailbox_keep(tp_mailbox *mailbox) {
  atomic_fetch_add(&mailbox->references, 1);
  return mailbox;
}

void tp_mailbox_release(tp_mailbox *mailbox) {
  if (!mailbox || atomic_fetch_sub(&mailbox->references, 1) > 1)
    return;
  uv_mutex_destroy(&mailbox->lock);
  free(mailbox);
}

void tp_mailbox_post(tp_mailbox *mailbox, tp_letter *letter) {
  uv_mutex_lock(&mailbox->lock);
  bool is_open = mailbox->wake != NULL;
  if (is_open) {
    if (STAILQ_EMPTY(&mailbox->letters))
      uv_async_send(mailbox->wake);
    STAILQ_INSERT_TAIL(&mailbox->letters, letter, link);
  }
  uv_mutex_unlock(&mailbox->lock);
  if (!is_open)
    letter->open(letter, true);
}

/* Takes all letters out; with `closes`, for the last time. */
static letter_list take_all(tp_mailbox *mailbox, bool closes) {
  letter_list all = STAILQ_HEAD_INITIALIZER(all);
  uv_mutex_lock(&mailbox->lock);
  STAILQ_CONCAT(&all, &mailbox->letters);
  if (closes)
    mailbox->wake = NULL;
  uv_mutex_unlock(&mailbox->lock);
  return all;
}

static void open_all(tp_mailbox *mailbox, bool late) {
  letter_list all = take_all(mailbox, late);
  tp_letter *letter = STAILQ_FIRST(&all), *next;
  for (; letter; letter = next) {
    next = STAILQ_NEXT(letter, link);
    letter->open(letter, late);
  }
}

void tp_mailbox_open_all(tp_mailbox *mailbox) {
  open_all(mailbox, false);
}

void tp_mailbox_close(tp_mailbox *mailbox) {
  if (mailbox)
    open_all(mailbox, true);
}
