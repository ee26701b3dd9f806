/* SPDX-License-Identifier: MIT
 *
 * What other threads ask a host to do. A mailbox may outlive its host: who might post later holds a
 * reference. */
#ifndef TP_HOST_MAILBOX_H
#define TP_HOST_MAILBOX_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

/* A call to be made on the host's thread, embedded in a struct of the caller's. */
typedef struct tp_letter {
  STAILQ_ENTRY(tp_letter) link;                      /* in the mailbox */
  void (*open)(struct tp_letter *letter, bool late); /* called once; `late`: the host is gone */
} tp_letter;

typedef struct tp_mailbox tp_mailbox;

/* A mailbox that sends `wake` when something is posted. One reference. NULL: no memory. */
tp_mailbox *tp_mailbox_create(uv_async_t *wake);

tp_mailbox *tp_mailbox_keep(tp_mailbox *mailbox);
void tp_mailbox_release(tp_mailbox *mailbox);

/* Posts a letter, from any thread. After tp_mailbox_close it is opened at once. */
void tp_mailbox_post(tp_mailbox *mailbox, tp_letter *letter);

/* Opens the letters that are there. */
void tp_mailbox_open_all(tp_mailbox *mailbox);

/* The host is gone: `wake` is not sent any more, and the letters that are left are opened late. */
void tp_mailbox_close(tp_mailbox *mailbox);

#endif
