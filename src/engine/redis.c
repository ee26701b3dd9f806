/* SPDX-License-Identifier: MIT
 *
 * The life of a Redis engine; see redis.h. */
#define _GNU_SOURCE
#include "engine/redis.h"
#include "base/fail.h"
#include "engine/redis_answer.h"
#include "engine/redis_ask.h"
#include "engine/redis_link.h"
#include "engine/redis_script.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* The pauses between two tries to connect, milliseconds: the first and the longest. */
#define PAUSE_MIN 50
#define PAUSE_MAX 5000

/* How long an answer may take unless the options say it, seconds. */
#define TIMEOUT 5.0

/* The oldest version of the server: 6.2. */
#define VERSION_MIN 602

typedef enum phase {
  PHASE_PAUSE,      /* not connected; the timer tries again */
  PHASE_CONNECTING, /* the timer gives up */
  PHASE_UP,         /* queries are sent; the timer watches for silence */
  PHASE_CLOSING,    /* nothing is sent any more */
} phase;

typedef struct engine {
  tp_engine base;                 /* what all kinds have */
  phase phase;                    /* what it does */
  tp_url url;                     /* where the server is */
  char *prefix;                   /* begins the names of all keys */
  char *channel;                  /* that of the events */
  uint64_t timeout;               /* milliseconds that an answer may take */
  uint64_t pause;                 /* before the next try to connect, milliseconds */
  uint64_t heard;                 /* when the server has last answered, or has last been idle */
  uint64_t in_flight;             /* queries that are not answered */
  unsigned steps;                 /* answers that are missing until it is up */
  unsigned handles;               /* of the loop, and requests to it, that are not closed */
  bool is_resolving;              /* `resolver` is in use */
  unsigned tries;                 /* of connecting: which of several addresses is next */
  tp_error failure;               /* why it is down, as was told; the code is TP_OK if it is up */
  tp_redis_owner owner;           /* what links call */
  tp_redis_link *commands;        /* for queries; NULL: there is none */
  tp_redis_link *events;          /* for events; NULL: there is none */
  uv_getaddrinfo_t resolver;      /* for the name of the host */
  uv_timer_t timer;               /* see phase */
  uv_timer_t soon;                /* answers `refused` */
  tp_query_list refused;          /* queries that were not sent */
  tp_redis_ask ask;               /* the command that is being made */
  char hashes[TP_VERB_COUNT][64]; /* of the scripts, as the server says */
} engine;

/* ---- trouble ---- */

static void on_retry(uv_timer_t *timer);

static void drop_link(tp_redis_link **link) {
  tp_redis_link *dropped = *link;
  *link = NULL;
  if (dropped)
    tp_redis_link_close(dropped);
}

static void drop_links(engine *self) {
  drop_link(&self->commands);
  drop_link(&self->events);
}

/* Tells why it is down, unless that was told. */
static void tell_failure(engine *self, tp_code code, const char *what) {
  const tp_url *url = &self->url;
  tp_error error;
  if (url->path[0])
    tp_fail(&error, code, "Redis at %s: %s", url->path, what);
  else
    tp_fail(&error, code, "Redis at %s:%u: %s", url->host, (unsigned)url->port, what);
  bool is_known = self->failure.code == code && strcmp(self->failure.message, error.message) == 0;
  self->failure = error;
  if (!is_known)
    tp_query_tell(&self->base, TP_ENGINE_DOWN, 0, &error);
}

/* Gives the connections up, and tries again later. */
static void go_down(engine *self, tp_code code, const char *what) {
  if (self->phase == PHASE_CLOSING || self->phase == PHASE_PAUSE)
    return;
  self->phase = PHASE_PAUSE;
  uv_timer_start(&self->timer, on_retry, self->pause, 0);
  self->pause = self->pause * 2 < PAUSE_MAX ? self->pause * 2 : PAUSE_MAX;
  tell_failure(self, code, what);
  drop_links(self);
}

static void on_lost(void *context, tp_redis_link *link, const char *why) {
  engine *self = context;
  if (link == self->commands)
    self->commands = NULL;
  if (link == self->events)
    self->events = NULL;
  /* hiredis takes an error that answers SUBSCRIBE for one of the connection */
  bool is_denied = tp_redis_answer_code(tp_span_of(why)) == TP_DENIED;
  go_down(self, is_denied ? TP_DENIED : TP_NOT_AVAILABLE, why);
}

static void on_connect_timeout(uv_timer_t *timer) {
  go_down(timer->data, TP_NOT_AVAILABLE, "the server does not answer");
}

/* Looks whether queries wait for an answer for too long. */
static void on_watch(uv_timer_t *timer) {
  engine *self = timer->data;
  if (self->in_flight == 0)
    self->heard = uv_now(self->base.loop);
  else if (uv_now(self->base.loop) - self->heard > self->timeout)
    go_down(self, TP_NOT_AVAILABLE, "the server does not answer any more");
}

/* ---- queries ---- */

static void on_soon(uv_timer_t *soon) {
  engine *self = soon->data;
  tp_query_list refused = STAILQ_HEAD_INITIALIZER(refused);
  tp_query *query;
  STAILQ_CONCAT(&refused, &self->refused);
  while ((query = STAILQ_FIRST(&refused))) {
    STAILQ_REMOVE_HEAD(&refused, link);
    tp_query_answer(query);
  }
}

/* Answers a query that has failed, later. */
static void refuse(engine *self, tp_query *query) {
  STAILQ_INSERT_TAIL(&self->refused, query, link);
  if (self->phase != PHASE_CLOSING)
    uv_timer_start(&self->soon, on_soon, 0, 0);
}

static void send_query(engine *self, tp_query *query);

/* Sends the command that was made. False: no memory. */
static bool send_made(engine *self, tp_redis_link *link, redisCallbackFn *fn, void *data) {
  size_t length;
  char *command = tp_redis_ask_format(&self->ask, &length);
  bool is_sent = command && link && tp_redis_link_send(link, command, length, fn, data);
  redisFreeCommand(command);
  return is_sent;
}

/* Loads a script whose hash comes with `fn`. */
static bool load_script(engine *self, tp_verb verb, redisCallbackFn *fn, void *data) {
  tp_redis_ask_add(&self->ask, tp_span_of("SCRIPT"));
  tp_redis_ask_add(&self->ask, tp_span_of("LOAD"));
  tp_redis_ask_add(&self->ask, tp_redis_script_text(verb));
  return send_made(self, self->commands, fn, data);
}

/* The server has lost its scripts: the one of a query is loaded again, and the query sent again. */
static void send_again(engine *self, tp_query *query) {
  query->is_repeated = true;
  load_script(self, query->verb, NULL, NULL);
  send_query(self, query);
}

/* A redisCallbackFn: the answer to a query. */
static void on_reply(redisAsyncContext *context, void *reply, void *data) {
  engine *self = context->data;
  tp_query *query = data;
  self->in_flight--;
  self->heard = uv_now(self->base.loop);
  if (!reply) {
    tp_query_fail(query, TP_NOT_AVAILABLE,
                  "the connection to Redis was lost before the answer came");
  } else {
    tp_span text = tp_redis_answer_span(reply);
    bool is_lost = text.length > 8 && memcmp(text.bytes, "NOSCRIPT", 8) == 0;
    if (is_lost && !query->is_repeated && self->phase == PHASE_UP) {
      send_again(self, query);
      return;
    }
    tp_redis_answer_read(query, reply);
  }
  tp_query_answer(query);
}

static void send_query(engine *self, tp_query *query) {
  tp_redis_ask_query(&self->ask, query, self->hashes[query->verb], tp_span_of(self->prefix),
                     tp_span_of(self->channel));
  if (self->in_flight == 0)
    self->heard = uv_now(self->base.loop);
  if (send_made(self, self->commands, on_reply, query)) {
    self->in_flight++;
    return;
  }
  tp_query_fail(query, TP_NOT_AVAILABLE, "the command cannot be sent to Redis");
  refuse(self, query);
}

static void ask(tp_engine *base, tp_query *query) {
  engine *self = (engine *)base;
  if (query->answer.code == TP_OK && self->phase == PHASE_UP) {
    send_query(self, query);
    return;
  }
  if (query->answer.code == TP_OK)
    tp_query_fail(query, TP_NOT_AVAILABLE, "Redis is not connected");
  refuse(self, query);
}

/* ---- events ---- */

/* Tells of a message of the channel: a letter, and the number of a group. */
static void take_event(engine *self, tp_span text) {
  static const struct {
    char letter;           /* what the message begins with */
    tp_engine_event event; /* what it means */
  } letters[] = {
      {'w', TP_ENGINE_WORK}, {'c', TP_ENGINE_CANCEL}, {'e', TP_ENGINE_END}, {'l', TP_ENGINE_LOW}};
  if (text.length < 2)
    return;
  uint64_t group = strtoull(text.bytes + 1, NULL, 10);
  for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
    if (letters[i].letter == text.bytes[0])
      tp_query_tell(&self->base, letters[i].event, group, NULL);
}

/* ---- connecting ---- */

static void take_step(engine *self) {
  if (--self->steps > 0)
    return;
  self->phase = PHASE_UP;
  self->pause = PAUSE_MIN;
  self->failure.code = TP_OK;
  self->in_flight = 0;
  uint64_t often = self->timeout / 4 > 0 ? self->timeout / 4 : 1;
  uv_timer_start(&self->timer, on_watch, often, often);
  tp_query_tell(&self->base, TP_ENGINE_UP, 0, NULL);
}

/* Whether an answer is one on the way up; an error ends the way. */
static bool is_step(engine *self, const redisReply *reply) {
  if (!reply || self->phase != PHASE_CONNECTING)
    return false;
  if (reply->type != REDIS_REPLY_ERROR)
    return true;
  go_down(self, tp_redis_answer_code(tp_redis_answer_span(reply)), reply->str);
  return false;
}

/* A redisCallbackFn: a step whose answer says nothing more. */
static void on_step(redisAsyncContext *context, void *reply, void *data) {
  (void)data;
  if (is_step(context->data, reply))
    take_step(context->data);
}

/* A redisCallbackFn: the hash of a script, for the 64 bytes at `data`. */
static void on_script(redisAsyncContext *context, void *reply, void *data) {
  if (!is_step(context->data, reply))
    return;
  tp_span hash = tp_redis_answer_span(reply);
  if (hash.length != TP_REDIS_SCRIPT_HASH) {
    go_down(context->data, TP_IO_ERROR, "it does not tell the hash of a script");
    return;
  }
  memcpy(data, hash.bytes, hash.length);
  take_step(context->data);
}

/* A redisCallbackFn: of the channel, that it is open, and the messages. */
static void on_message(redisAsyncContext *context, void *data, void *unused) {
  const redisReply *reply = data;
  engine *self = context->data;
  (void)unused;
  if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
    if (is_step(self, reply))
      go_down(self, TP_IO_ERROR, "it does not open a channel");
    return;
  }
  if (tp_span_is(tp_redis_answer_span(reply->element[0]), "message"))
    take_event(self, tp_redis_answer_span(reply->element[2]));
  else if (is_step(self, reply))
    take_step(self);
}

/* The value of a field in the answer to INFO; empty if there is none. */
static tp_span find_field(tp_span info, const char *name) {
  char key[40];
  size_t length = (size_t)snprintf(key, sizeof key, "\n%s:", name);
  const char *at = info.length > 0 ? memmem(info.bytes, info.length, key, length) : NULL;
  if (!at)
    return (tp_span){"", 0};
  return (tp_span){at + length, strcspn(at + length, "\r\n")};
}

static void warn(engine *self, const char *what) {
  tp_error error;
  tp_fail(&error, TP_NOT_AVAILABLE, "Redis: %s", what);
  tp_query_tell(&self->base, TP_ENGINE_WARNING, 0, &error);
}

/* Warns of what could lose work. */
static void look_at(engine *self, tp_span info) {
  if (tp_span_is(find_field(info, "aof_enabled"), "0"))
    warn(self, "the server keeps no append-only file: work is lost when it ends suddenly; set "
               "'appendonly yes'");
  tp_span policy = find_field(info, "maxmemory_policy");
  if (policy.length > 0 && !tp_span_is(policy, "noeviction"))
    warn(self, "the server may evict work when its memory is full; set 'maxmemory-policy "
               "noeviction'");
  if (tp_span_is(find_field(info, "role"), "slave"))
    warn(self, "the server is a replica, which may be read-only");
}

/* Has the server load all scripts. */
static void load_scripts(engine *self) {
  for (int verb = 0; verb < TP_VERB_COUNT; verb++, self->steps++) {
    if (!load_script(self, (tp_verb)verb, on_script, self->hashes[verb])) {
      go_down(self, TP_NOT_AVAILABLE, "a script cannot be sent");
      return;
    }
  }
}

/* A redisCallbackFn: the answer to INFO. Only who may ask for it may send as much as scripts. */
static void on_info(redisAsyncContext *context, void *reply, void *data) {
  engine *self = context->data;
  (void)data;
  if (!is_step(self, reply))
    return;
  tp_span info = tp_redis_answer_span(reply);
  tp_span version = find_field(info, "redis_version");
  unsigned major = 0, minor = 0;
  if (version.length == 0 || sscanf(version.bytes, "%u.%u", &major, &minor) != 2 || // NOLINT
      major * 100 + minor < VERSION_MIN) {
    go_down(self, TP_NOT_AVAILABLE, "the server is older than 6.2");
    return;
  }
  look_at(self, info);
  if (self->phase == PHASE_CONNECTING) /* the listener may have closed the engine */
    load_scripts(self);
  if (self->phase == PHASE_CONNECTING)
    take_step(self);
}

/* Sends a command of up to three words. */
static bool step(engine *self, tp_redis_link *link, redisCallbackFn *fn, const char *word,
                 const char *second, const char *third) {
  const char *words[] = {word, second, third};
  for (size_t i = 0; i < 3; i++)
    if (words[i] && words[i][0])
      tp_redis_ask_add(&self->ask, tp_span_of(words[i]));
  self->steps++;
  return send_made(self, link, fn, NULL);
}

/* Says to a new connection who we are. */
static bool greet(engine *self, tp_redis_link *link) {
  const tp_url *url = &self->url;
  char database[16];
  snprintf(database, sizeof database, "%u", url->database);
  return (!url->password[0] || step(self, link, on_step, "AUTH", url->user, url->password)) &&
         (url->database == 0 || step(self, link, on_step, "SELECT", database, NULL));
}

/* Sends what must be answered before it is up; the scripts follow. */
static bool take_steps(engine *self) {
  self->steps = 0;
  return greet(self, self->commands) && greet(self, self->events) &&
         step(self, self->commands, on_info, "INFO", NULL, NULL) &&
         step(self, self->events, on_message, "SUBSCRIBE", self->channel, NULL);
}

/* Connects to a numeric address, or to the Unix socket. */
static void connect_to(engine *self, const char *address) {
  tp_error error;
  tp_redis_link **links[] = {&self->commands, &self->events};
  for (size_t i = 0; i < 2; i++) {
    *links[i] = tp_redis_link_open(self->base.loop, address, self->url.port, &self->owner, &error);
    if (!*links[i]) {
      go_down(self, TP_NOT_AVAILABLE, error.message);
      return;
    }
    self->handles++;
  }
  if (!take_steps(self))
    go_down(self, TP_NOT_AVAILABLE, "a command cannot be sent");
}

/* Gives a handle back. The last one of an engine that is closing ends it. */
static void drop_handle(engine *self) {
  if (--self->handles > 0)
    return;
  void (*closed)(void *) = self->base.closed;
  void *context = self->base.closed_context;
  on_soon(&self->soon);
  tp_redis_ask_clear(&self->ask);
  free(self->prefix);
  free(self->channel);
  free(self);
  if (closed)
    closed(context);
}

/* Writes one of the addresses that were found; each try takes another one. */
static void write_address(const struct addrinfo *found, unsigned tries, char *address,
                          size_t size) {
  unsigned count = 1;
  for (const struct addrinfo *each = found->ai_next; each; each = each->ai_next)
    count++;
  for (unsigned skipped = tries % count; skipped > 0 && found->ai_next; skipped--)
    found = found->ai_next;
  if (found->ai_family == AF_INET6)
    uv_ip6_name((const struct sockaddr_in6 *)found->ai_addr, address, size);
  else
    uv_ip4_name((const struct sockaddr_in *)found->ai_addr, address, size);
}

static void on_resolved(uv_getaddrinfo_t *resolver, int status, struct addrinfo *found) {
  engine *self = resolver->data;
  char address[INET6_ADDRSTRLEN] = "";
  if (status == 0)
    write_address(found, self->tries++, address, sizeof address);
  uv_freeaddrinfo(found);
  self->is_resolving = false;
  if (self->phase == PHASE_CONNECTING && status == 0)
    connect_to(self, address);
  else if (self->phase == PHASE_CONNECTING)
    go_down(self, TP_NOT_AVAILABLE, uv_strerror(status));
  drop_handle(self);
}

/* Begins to connect. */
static void start(engine *self) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  self->phase = PHASE_CONNECTING;
  uv_timer_start(&self->timer, on_connect_timeout, self->timeout, 0);
  if (self->url.path[0]) {
    connect_to(self, self->url.path);
    return;
  }
  if (self->is_resolving) /* the last try is still at it, and goes on as this one */
    return;
  int status =
      uv_getaddrinfo(self->base.loop, &self->resolver, on_resolved, self->url.host, NULL, &hints);
  self->is_resolving = status == 0;
  if (status == 0)
    self->handles++;
  else
    go_down(self, TP_NOT_AVAILABLE, uv_strerror(status));
}

static void on_retry(uv_timer_t *timer) {
  start(timer->data);
}

/* ---- opening and closing ---- */

static void on_left(void *context) {
  drop_handle(context);
}

static void on_closed(uv_handle_t *timer) {
  drop_handle(timer->data);
}

static void close_engine(tp_engine *base) {
  engine *self = (engine *)base;
  self->phase = PHASE_CLOSING;
  drop_links(self);
  if (self->is_resolving)
    uv_cancel((uv_req_t *)&self->resolver);
  uv_close((uv_handle_t *)&self->timer, on_closed);
  uv_close((uv_handle_t *)&self->soon, on_closed);
}

static bool set_names(engine *self, const char *pool) {
  bool has_prefix = asprintf(&self->prefix, "tp:{%s}:", pool) >= 0;
  self->prefix = has_prefix ? self->prefix : NULL;
  bool has_channel =
      has_prefix && asprintf(&self->channel, "%sev:%u", self->prefix, self->url.database) >= 0;
  self->channel = has_channel ? self->channel : NULL;
  return has_channel;
}

static tp_engine *open_engine(uv_loop_t *loop, const tp_url *url, const tp_engine_options *options,
                              tp_error *error) {
  engine *self = calloc(1, sizeof *self);
  if (self)
    self->url = *url;
  if (!self || !set_names(self, options->pool)) {
    tp_fail(error, TP_NO_MEMORY, "no memory for an engine");
    free(self ? self->prefix : NULL);
    free(self);
    return NULL;
  }
  double timeout = options->timeout > 0 ? options->timeout : TIMEOUT;
  self->timeout = (uint64_t)(timeout * 1000);
  self->pause = PAUSE_MIN;
  self->base.loop = loop;
  self->owner = (tp_redis_owner){on_lost, on_left, self};
  STAILQ_INIT(&self->refused);
  uv_timer_init(loop, &self->timer);
  uv_timer_init(loop, &self->soon);
  self->handles = 2;
  self->timer.data = self->soon.data = self->resolver.data = self;
  uv_timer_start(&self->timer, on_retry, 0, 0);
  return &self->base;
}

const tp_engine_kind tp_redis_kind = {open_engine, ask, close_engine};
