/* SPDX-License-Identifier: MIT
 *
 * A session: one client of a control server, from its connection until its last handle is closed.
 *
 * The client's first line decides how it is served. A JSON object is a handshake: the answer is the
 * name of the pool, and `"reply": "json"` asks for framed answers. Any other first line is already
 * a command (netcat). After that each line is a command and gets one answer, in order.
 *
 * A client of another protocol must not run anything. A first line that is neither a handshake nor
 * a command with its arguments is answered, and ends the session; a line of HTTP ends it at any
 * time (protocol.h).
 *
 * How it works. Bytes come into tp_input, answers go out by tp_output. Between the two is at most
 * one coroutine, a *burst*: it runs the lines that are there one after the other (by `run` of
 * clients.h), and ends when there are none, or after some, so that others get their turn. A command
 * that waits parks the burst, and so holds only this session. After each event (bytes came, a burst
 * ended, answers were sent) one function, `advance`, decides what comes next.
 *
 * Interrupts. The line `interrupt` ends the command before it that waits or streams. The input is
 * searched for it while a command runs; the line itself is answered in its turn as any other.
 *
 * Endings. What a client has sent is run even if it has left since, also a last line without a line
 * end; what still waits a second (LINGER_MS) after it left is cancelled. When the server ends the
 * session (a line is too long, `exit`), it sends what was answered, shuts its side down, and
 * discards for a while what the client still sends: otherwise the system would drop the last answer
 * with the connection. */
#ifndef TP_SERVER_SESSION_H
#define TP_SERVER_SESSION_H

#include "binding/method.h"
#include "binding/rows.h"
#include "command/cursor.h"
#include "exec/types.h"
#include "server/answer.h"
#include "server/clients.h"
#include "server/input.h"
#include "server/output.h"
#include "server/target.h"
#include "taskpool.h"
#include <lua.h>
#include <sys/queue.h>
#include <uv.h>

typedef enum tp_session_state {
  TP_SESSION_OPEN,    /* lines are taken and run */
  TP_SESSION_LEAVING, /* no line is taken any more; it closes when its answers are sent */
  TP_SESSION_CLOSED,  /* handles are closing; freed with the last of them and the burst */
} tp_session_state;

/* What a session waits for, each with its time limit: see `time_limit` in session.c. */
typedef enum tp_session_wait {
  TP_SESSION_NOTHING, /* no time limit */
  TP_SESSION_LINE,    /* the end of a line that has begun */
  TP_SESSION_READER,  /* the client, to read what was answered */
  TP_SESSION_TOKEN,   /* a token, before which it may do nothing */
  TP_SESSION_COMMAND, /* the next command */
  TP_SESSION_LINGER,  /* the end of a session whose client or server has left */
} tp_session_wait;

typedef struct tp_session {
  tp_clients *clients;         /* what it shares with the other sessions of the server */
  LIST_ENTRY(tp_session) link; /* in the list of these */
  union {
    uv_handle_t handle;    /* either, to be closed */
    uv_stream_t stream;    /* either, to be read and written */
    uv_tcp_t tcp;          /* if the server listens at a TCP port */
    uv_pipe_t pipe;        /* if it listens at a Unix socket */
  } client;                /* the connection */
  uv_timer_t deadline;     /* the time limit of `wait` */
  uv_timer_t flusher;      /* sends answers given before a command that waits */
  uv_shutdown_t shutdown;  /* the end of our side */
  tp_session_state state;  /* how far it is */
  tp_session_wait wait;    /* what `deadline` runs for */
  tp_answer_mode mode;     /* how it answers */
  int width;               /* columns of the client's terminal, for help */
  tp_role role;            /* what it may do */
  unsigned wrong;          /* how many wrong tokens it has shown */
  bool delayed;            /* it waits for the answer to one */
  tp_target target;        /* the pool that commands go to */
  tp_input input;          /* lines that came */
  tp_output output;        /* answers to be sent */
  tp_coro *burst;          /* runs lines; NULL: none does */
  unsigned budget;         /* lines that the burst may still take */
  tp_span line;            /* the line taken last, in the input's buffer */
  tp_cursor command;       /* the command of it that runs */
  const tp_method *method; /* its record; undefined where it was refused */
  unsigned handles;        /* handles not yet closed */
  uint64_t used;           /* the clock of `clients` after its last burst: the smaller, the longer
                              idle */
  bool listing;            /* the command is making a long answer (listing.h) */
  tp_rows *stream;         /* what the command streams (stream.h); NULL: nothing */
  bool blocked;            /* the stream waits until the client has read */
  bool interrupted;        /* the command is to end, and the burst after it */
  bool busy;               /* `line` has been taken and not answered */
  bool greeted;            /* the first line has come */
  bool accepted;           /* … and was a handshake or a command with its arguments */
  bool reading;            /* libuv reads for us */
  bool ended;              /* the client sends no more, or is gone */
  bool shutting;           /* our side is shut down, or will be soon */
  bool shut_down;          /* … and that is done */
} tp_session;

/* Starts a session for the connected socket `fd`, which it owns from now on. With `refusal` it
 * answers just that and leaves. False: no memory; `fd` is closed. */
bool tp_session_start(tp_clients *clients, int fd, const tp_error *refusal);

/* Closes it now: nothing more is sent, a command that waits is cancelled. `left` of its clients is
 * called when it is over. */
void tp_session_close(tp_session *session);

/* Takes no more lines, and closes it as soon as what was answered has been sent. */
void tp_session_leave(tp_session *session);

/* The same, after the answer `error`, which is logged too; and without one, `what` is logged. */
void tp_session_refuse(tp_session *session, const tp_error *error);
void tp_session_drop(tp_session *session, const char *what);

/* Sends soon what was answered, while a command goes on. */
void tp_session_flush(tp_session *session);

/* True if it waits for its client: no command runs. */
bool tp_session_is_idle(const tp_session *session);

/* Ends an idle session, whose place another client needs, and tells its client. */
void tp_session_evict(tp_session *session);

/* The server closes: closes the session now, but a command that runs has LINGER_MS to end and be
 * answered. So a client that waits until the pool is closed gets its answer. */
void tp_session_end(tp_session *session);

#endif
