/* SPDX-License-Identifier: MIT
 *
 * A session: one client of a control server, from its connection to the last handle closed.
 *
 * The client's first line decides how it is served. A JSON object is a handshake, answered with the
 * name of the pool; `"reply": "json"` in it asks for framed answers. Anything else is a command
 * already (netcat). After that each line is a command and gets one answer, in order.
 *
 * Who does not speak our language must not have anything run. A first line that is neither a
 * handshake nor a command with its arguments is answered and ends the session; so do lines of HTTP
 * at any time (protocol.h).
 *
 * How it works. Bytes come into tp_input, answers go out by tp_output. Between the two stands one
 * coroutine at most, a *burst*: it runs the lines that are there one after the other (by `run` of
 * clients.h) and ends when there are none, or after some, so that others get their turn. A command
 * that waits parks the burst and so holds this session only. After each event (bytes, a burst that
 * ended, answers that left) one function, `advance`, decides what comes next.
 *
 * Endings. What a client has sent is run even if it has left since, also a last line without a line
 * end; but what is still waiting LAST_WORDS after it left is cancelled. When we end the session (a
 * line too long, `exit`), what was answered is sent, our side is shut, and what the client still
 * sends is thrown away for a while, so that the system does not drop the last answer with the
 * connection. */
#ifndef TP_SERVER_SESSION_H
#define TP_SERVER_SESSION_H

#include "binding/method.h"
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
  TP_SESSION_LEAVING, /* no line is taken any more; answers leave, then it closes */
  TP_SESSION_CLOSED,  /* handles are closing; freed with the last of them and the burst */
} tp_session_state;

/* What a session does not wait for beyond a time: see `patience` in session.c. */
typedef enum tp_session_wait {
  TP_SESSION_NOTHING,    /* it may take for ever */
  TP_SESSION_LINE,       /* the end of a line that has begun */
  TP_SESSION_READER,     /* the client reading what was answered */
  TP_SESSION_LAST_WORDS, /* the end of a session whose client or whose server is done */
} tp_session_wait;

typedef struct tp_session {
  tp_clients *clients;         /* what it shares with the other sessions of the server */
  LIST_ENTRY(tp_session) link; /* in the list of these */
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } client;                /* the connection */
  uv_timer_t deadline;     /* ends the wait below */
  uv_timer_t flusher;      /* sends answers given before a command that waits */
  uv_shutdown_t shutdown;  /* the end of our side */
  tp_session_state state;  /* what it is about */
  tp_session_wait wait;    /* what `deadline` runs for */
  tp_answer_mode mode;     /* how it answers */
  int width;               /* columns of the client's terminal, for help */
  tp_target target;        /* the pool that commands go to */
  tp_input input;          /* what came */
  tp_output output;        /* what goes */
  tp_coro *burst;          /* runs lines; NULL: none does */
  unsigned left;           /* lines that the burst may still take */
  tp_view line;            /* the command that runs, in the input's buffer */
  const tp_method *method; /* its record; undefined where it was refused */
  unsigned handles;        /* handles not yet closed */
  uint64_t used;           /* the clock of `clients` after its last burst: the smaller, the longer
                              idle */
  bool busy;               /* `line` has been taken and not answered */
  bool greeted;            /* the first line has come */
  bool accepted;           /* … and was a good one */
  bool reading;            /* libuv reads for us */
  bool ended;              /* the client has said its last, or is gone */
  bool shut;               /* our side was or is being shut */
  bool goodbye;            /* … and that is done */
} tp_session;

/* Starts a session for the connected socket `fd`, which it owns from now on. With `refusal` it says
 * just that and leaves. False: no memory; `fd` is closed. */
bool tp_session_start(tp_clients *clients, int fd, const tp_error *refusal);

/* Closes it now: nothing more is sent, a command that waits is cancelled. `left` of its clients is
 * called when it is over. */
void tp_session_close(tp_session *session);

/* Closes it as soon as what was answered has been sent. */
void tp_session_leave(tp_session *session);

/* The same, after the answer `error`, which is logged too; and without one, `what` is logged. */
void tp_session_refuse(tp_session *session, const tp_error *error);
void tp_session_drop(tp_session *session, const char *what);

/* True where it waits for its client: no command runs. */
bool tp_session_is_idle(const tp_session *session);

/* Ends an idle session, whose place another client needs, and says so. */
void tp_session_evict(tp_session *session);

/* The server closes: closes it now, but for a command that runs, which has LAST_WORDS to end and be
 * answered. So a client that waits until the pool is closed hears of it. */
void tp_session_end(tp_session *session);

#endif
