/* SPDX-License-Identifier: MIT
 *
 * A member of a shared pool; see member.h.
 *
 * Items are in one of four lists: `running`, `lost` (they run too), `done` (to be acknowledged),
 * and `sent` (on the way). An acknowledgement that fails goes back to `done`: to say it twice does
 * no harm. A claim that fails may have taken items nevertheless, so the next thing is to ask what
 * the engine thinks that we hold. */
#include "engine/member.h"
#include "base/fail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lease unless the options say it, seconds. */
#define LEASE 15.0

/* Outcomes are sent when there are so many, or after so many milliseconds. */
#define BATCH 64
#define BATCH_PAUSE 5

/* The pauses after a claim or an acknowledgement that failed, milliseconds. */
#define RETRY_MIN 50
#define RETRY_MAX 5000

typedef TAILQ_HEAD(item_list, tp_member_item) item_list;

typedef enum stage {
  STAGE_AWAY,    /* the engine is not up */
  STAGE_JOINING, /* it was asked to join, or to renew the lease */
  STAGE_JOINED,  /* it works */
  STAGE_LEAVING, /* it ends */
} stage;

/* Who it is in the engine. Questions that are on the way point to it, so it stays until the end. */
typedef struct identity {
  struct identity *before; /* whom it was before, and was taken off as; NULL: nobody */
  char id[128];            /* in the engine */
} identity;

struct tp_member {
  tp_engine *engine;           /* its own */
  uv_loop_t *loop;             /* the owner's */
  tp_member_listener listener; /* is told what happens */
  void *context;               /* its first argument */
  stage stage;                 /* what it does */
  identity *self;              /* who it is, or was last; NULL: nobody yet */
  bool is_taken_off;           /* it must join as another one */
  tp_engine_member as;         /* what a beat says, while one is on the way */
  const identity *claiming;    /* who has a claim, or the question what it holds, on the way */
  const identity *sending;     /* who has an acknowledgement on the way */
  const identity *beating;     /* who has a beat, or a join, on the way */
  char host[64];               /* the name of the machine */
  char version[32];            /* of taskpool */
  uint32_t size;               /* of the pool */
  double lease;                /* seconds */
  int64_t room;                /* items that can be handed out; < 0: too many were */
  uint32_t running_count;      /* items that run here */
  uint32_t done_count;         /* items in `done` */
  uint64_t ended_count;        /* items that have ended since the last beat */
  uint64_t beat_time;          /* when that was, milliseconds of the loop */
  bool is_up;                  /* the engine is */
  bool may_hold_more;          /* a claim has failed: it may hold more than it knows */
  bool is_idle;                /* the engine has nothing for it now */
  bool gives_up;               /* leaving: what is done cannot be sent */
  bool has_left;               /* leaving: that was asked for */
  uint64_t pause;              /* before the next retry, milliseconds */
  item_list running;           /* handed out */
  item_list lost;              /* the same, and another member may run them */
  item_list done;              /* to be acknowledged */
  item_list sent;              /* being acknowledged */
  tp_engine_outcome outcomes[TP_ENGINE_CHUNK_MAX]; /* those of `sent`, in order */
  uv_timer_t beat;                                 /* each third of the lease */
  uv_timer_t reap;                                 /* each half of it */
  uv_timer_t batch;                                /* sends `done` */
  uv_timer_t claim;                                /* claims again */
  unsigned handles;                                /* timers that are not closed */
  void (*left)(void *context);                     /* called at the end */
  void *left_context;                              /* its argument */
};

static void claim_more(tp_member *member);
static void send_done(tp_member *member);
static void on_beat(uv_timer_t *timer);

/* ---- items ---- */

/* A copy of an item that was claimed. NULL: no memory. */
static tp_member_item *create_item(const tp_engine_item *from) {
  tp_member_item *item = calloc(1, sizeof *item + from->bytes.length);
  if (!item)
    return NULL;
  char *bytes = (char *)(item + 1);
  if (from->bytes.length > 0)
    memcpy(bytes, from->bytes.bytes, from->bytes.length);
  item->item = *from;
  item->item.bytes.bytes = bytes;
  item->item.error = (tp_span){NULL, 0};
  return item;
}

static void free_item(tp_member_item *item) {
  free((char *)item->result.bytes);
  free(item);
}

static void free_items(item_list *list) {
  tp_member_item *item;
  while ((item = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, item, link);
    free_item(item);
  }
}

/* Hands an item out. Without memory for it, it is another member's when this one leaves. */
static void hand_out(tp_member *member, const tp_engine_item *from) {
  tp_member_item *item = create_item(from);
  if (!item)
    return;
  TAILQ_INSERT_TAIL(&member->running, item, link);
  member->running_count++;
  member->listener.run(member->context, item);
}

/* ---- joining ---- */

/* Milliseconds between two beats. */
static uint64_t beat_pause(const tp_member *member) {
  return (uint64_t)(member->lease * 1000 / 3) + 1;
}

/* Sets what the next beat says. */
static void describe(tp_member *member) {
  double seconds = (double)(uv_now(member->loop) - member->beat_time) / 1000;
  member->as = (tp_engine_member){.id = tp_span_of(member->self->id),
                                  .host = tp_span_of(member->host),
                                  .version = tp_span_of(member->version),
                                  .pid = (uint64_t)getpid(),
                                  .size = member->size,
                                  .running = member->running_count,
                                  .rate = seconds > 0 ? (double)member->ended_count / seconds : 0,
                                  .lease = member->lease};
  member->beat_time = uv_now(member->loop);
  member->ended_count = 0;
}

/* Becomes somebody new. Nobody else has the id: host, process and time tell machines and processes
 * apart, the address members of one process. False: no memory. */
static bool take_identity(tp_member *member) {
  identity *self = calloc(1, sizeof *self);
  if (!self)
    return false;
  snprintf(self->id, sizeof self->id, "%.60s-%ld-%" PRIx64 "-%" PRIxPTR, member->host,
           (long)getpid(), uv_hrtime(), (uintptr_t)member);
  self->before = member->self;
  member->self = self;
  member->is_taken_off = false;
  return true;
}

/* What it holds is another one's. */
static void lose_all(tp_member *member) {
  tp_member_item *item;
  free_items(&member->done);
  member->done_count = 0;
  while ((item = TAILQ_FIRST(&member->running))) {
    TAILQ_REMOVE(&member->running, item, link);
    TAILQ_INSERT_TAIL(&member->lost, item, link);
    item->is_lost = true;
    member->listener.lost(member->context, item);
  }
}

/* Whether an answer says that it was taken off; then it joins as somebody new. `asked` is who has
 * asked: what is said to whom it was before is known. */
static bool is_taken_off(tp_member *member, const identity *asked, const tp_engine_answer *answer) {
  if (!answer->is_gone)
    return false;
  if (asked == member->self && !member->is_taken_off && member->stage != STAGE_LEAVING) {
    member->is_taken_off = true;
    lose_all(member);
    if (member->stage == STAGE_JOINED)
      member->stage = STAGE_AWAY;
    uv_timer_start(&member->beat, on_beat, 0, beat_pause(member));
  }
  return true;
}

static void tell_cancelled(tp_member *member, const tp_engine_answer *answer) {
  for (size_t i = 0; i < answer->count; i++)
    member->listener.cancelled(member->context, answer->cancelled[i]);
}

static void on_joined(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  const identity *asked = member->beating;
  member->beating = NULL;
  if (member->stage != STAGE_JOINING)
    return;
  member->stage = STAGE_AWAY;
  if (is_taken_off(member, asked, answer) || answer->code != TP_OK)
    return; /* the next beat tries again */
  member->stage = STAGE_JOINED;
  member->pause = RETRY_MIN;
  member->is_idle = false;
  if (member->may_hold_more) /* it was a beat */
    tell_cancelled(member, answer);
  send_done(member);
  claim_more(member);
}

/* Joins, or, if it was a member before, looks whether the lease has survived. */
static void join(tp_member *member) {
  bool is_new = !member->self || member->is_taken_off;
  if (member->beating || (is_new && !take_identity(member)))
    return;
  describe(member);
  member->may_hold_more = !is_new;
  bool is_asked = is_new ? tp_engine_join(member->engine, &member->as, on_joined, member)
                         : tp_engine_beat(member->engine, &member->as, on_joined, member);
  member->stage = is_asked ? STAGE_JOINING : STAGE_AWAY;
  member->beating = is_asked ? member->self : NULL;
}

/* ---- beats ---- */

static void on_beaten(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  const identity *asked = member->beating;
  member->beating = NULL;
  if (!is_taken_off(member, asked, answer))
    tell_cancelled(member, answer);
  else if (member->is_up && member->stage == STAGE_AWAY)
    join(member);
}

static void on_beat(uv_timer_t *timer) {
  tp_member *member = timer->data;
  if (member->is_up && member->stage == STAGE_AWAY)
    join(member);
  if (member->stage != STAGE_JOINED || member->beating)
    return;
  describe(member);
  if (tp_engine_beat(member->engine, &member->as, on_beaten, member))
    member->beating = member->self;
  member->is_idle = false; /* events may have been lost */
  claim_more(member);
}

static void on_reap(uv_timer_t *timer);

/* Where there was one dead member, there may be more. */
static void on_reaped(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  if (answer->count > 0 && member->stage == STAGE_JOINED)
    on_reap(&member->reap);
}

static void on_reap(uv_timer_t *timer) {
  tp_member *member = timer->data;
  if (member->stage == STAGE_JOINED)
    tp_engine_reap(member->engine, on_reaped, member);
}

/* ---- claims ---- */

static void on_claim_timer(uv_timer_t *timer) {
  tp_member *member = timer->data;
  member->is_idle = false;
  claim_more(member);
  send_done(member);
}

/* Tries again after a pause, which grows. */
static void try_later(tp_member *member) {
  if (member->stage != STAGE_JOINED)
    return;
  member->is_idle = true;
  uv_timer_start(&member->claim, on_claim_timer, member->pause, 0);
  member->pause = member->pause * 2 < RETRY_MAX ? member->pause * 2 : RETRY_MAX;
}

/* Hands out what was claimed, and claims more if there may be more. */
static void on_claimed(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  const identity *asked = member->claiming;
  member->claiming = NULL;
  if (is_taken_off(member, asked, answer) || member->stage == STAGE_LEAVING)
    return; /* who leaves gives back what it holds */
  if (answer->code != TP_OK) {
    member->may_hold_more = true;
    try_later(member);
    return;
  }
  member->pause = RETRY_MIN;
  member->is_idle = answer->count == 0;
  member->room -= (int64_t)answer->count;
  if (member->is_idle && answer->next_due >= 0)
    uv_timer_start(&member->claim, on_claim_timer, (uint64_t)(answer->next_due * 1000) + 1, 0);
  for (size_t i = 0; i < answer->count && member->stage != STAGE_LEAVING; i++)
    hand_out(member, &answer->items[i]);
  claim_more(member);
}

static bool is_in(const item_list *list, const tp_engine_item *looked_for) {
  const tp_member_item *item;
  TAILQ_FOREACH (item, list, link) {
    if (item->item.group == looked_for->group && item->item.number == looked_for->number)
      return true;
  }
  return false;
}

static bool is_known(const tp_member *member, const tp_engine_item *item) {
  return is_in(&member->running, item) || is_in(&member->done, item) || is_in(&member->sent, item);
}

/* Hands out what it holds and does not know, even without room: nobody else can run it. */
static void on_held(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  const identity *asked = member->claiming;
  member->claiming = NULL;
  if (is_taken_off(member, asked, answer) || member->stage == STAGE_LEAVING)
    return;
  if (answer->code != TP_OK) {
    try_later(member);
    return;
  }
  member->may_hold_more = false;
  for (size_t i = 0; i < answer->count && member->stage != STAGE_LEAVING; i++) {
    if (!is_known(member, &answer->items[i])) {
      member->room--;
      hand_out(member, &answer->items[i]);
    }
  }
  claim_more(member);
}

static void claim_more(tp_member *member) {
  if (member->stage != STAGE_JOINED || member->claiming || member->is_idle)
    return;
  uint32_t want = member->room < TP_ENGINE_CLAIM_MAX ? (uint32_t)member->room : TP_ENGINE_CLAIM_MAX;
  bool is_asked = false;
  if (member->may_hold_more)
    is_asked = tp_engine_held(member->engine, member->self->id, on_held, member);
  else if (member->room > 0)
    is_asked = tp_engine_claim(member->engine, member->self->id, want, on_claimed, member);
  member->claiming = is_asked ? member->self : NULL;
}

void tp_member_add_room(tp_member *member, int64_t places) {
  member->room += places;
  claim_more(member);
}

/* ---- acknowledgements ---- */

static void leave_now(tp_member *member);

/* Puts back what could not be sent. */
static void take_back(tp_member *member) {
  tp_member_item *item;
  while ((item = TAILQ_LAST(&member->sent, item_list))) {
    TAILQ_REMOVE(&member->sent, item, link);
    TAILQ_INSERT_HEAD(&member->done, item, link);
    member->done_count++;
  }
}

static void on_sent(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  const identity *asked = member->sending;
  bool has_failed = answer->code != TP_OK && !answer->is_gone;
  member->sending = NULL;
  if (has_failed && asked == member->self && !member->is_taken_off)
    take_back(member);
  free_items(&member->sent);
  member->gives_up = has_failed;
  if (is_taken_off(member, asked, answer))
    member->gives_up = true;
  if (member->stage == STAGE_LEAVING)
    leave_now(member);
  else if (has_failed)
    try_later(member);
  else if (member->done_count >= BATCH || !uv_is_active((uv_handle_t *)&member->batch))
    send_done(member); /* the timer may have run out meanwhile */
}

/* Moves outcomes to those that are sent. Returns how many. */
static size_t gather(tp_member *member) {
  size_t count = 0;
  tp_member_item *item;
  while (count < TP_ENGINE_CHUNK_MAX && (item = TAILQ_FIRST(&member->done))) {
    TAILQ_REMOVE(&member->done, item, link);
    TAILQ_INSERT_TAIL(&member->sent, item, link);
    member->outcomes[count++] =
        (tp_engine_outcome){item->item.group, item->item.number, item->ending, item->result};
  }
  member->done_count -= (uint32_t)count;
  return count;
}

static void send_done(tp_member *member) {
  static const tp_engine_answer no_memory = {.code = TP_NO_MEMORY, .message = ""};
  bool may_send = member->stage == STAGE_JOINED || member->stage == STAGE_LEAVING;
  if (member->sending || member->done_count == 0 || !may_send)
    return;
  member->sending = member->self;
  size_t count = gather(member);
  if (!tp_engine_done(member->engine, member->self->id, member->outcomes, count, on_sent, member))
    on_sent(member, &no_memory);
}

static void on_batch(uv_timer_t *timer) {
  send_done(timer->data);
}

/* Keeps a copy of what came of an item. */
static void keep_result(tp_member_item *item, tp_engine_ending ending, tp_span bytes) {
  char *copy = bytes.length > 0 ? malloc(bytes.length) : NULL;
  item->ending = ending;
  if (copy)
    item->result = (tp_span){memcpy(copy, bytes.bytes, bytes.length), bytes.length};
}

void tp_member_done(tp_member *member, tp_member_item *item, tp_engine_ending ending,
                    tp_span bytes) {
  TAILQ_REMOVE(item->is_lost ? &member->lost : &member->running, item, link);
  member->running_count--;
  member->ended_count++;
  if (item->is_lost) {
    free_item(item);
    return;
  }
  keep_result(item, ending, bytes);
  TAILQ_INSERT_TAIL(&member->done, item, link);
  member->done_count++;
  if (member->done_count >= BATCH)
    send_done(member);
  else if (!uv_is_active((uv_handle_t *)&member->batch))
    uv_timer_start(&member->batch, on_batch, BATCH_PAUSE, 0);
}

/* ---- events ---- */

static void on_event(void *context, tp_engine_event event, uint64_t group, const tp_error *error) {
  tp_member *member = context;
  bool is_leaving = member->stage == STAGE_LEAVING;
  if (event == TP_ENGINE_UP || event == TP_ENGINE_DOWN) {
    member->is_up = event == TP_ENGINE_UP;
    member->stage = is_leaving ? STAGE_LEAVING : STAGE_AWAY;
  }
  if (event == TP_ENGINE_UP && !is_leaving) {
    join(member);
  } else if (event == TP_ENGINE_WORK) {
    member->is_idle = false;
    claim_more(member);
  } else if (event == TP_ENGINE_CANCEL) {
    member->listener.cancelled(member->context, group);
  }
  if (member->listener.event)
    member->listener.event(member->context, event, group, error);
}

/* ---- leaving ---- */

static void destroy(tp_member *member) {
  free_items(&member->running);
  free_items(&member->lost);
  free_items(&member->done);
  free_items(&member->sent);
  while (member->self) {
    identity *self = member->self;
    member->self = self->before;
    free(self);
  }
  free(member);
}

static void on_timer_closed(uv_handle_t *timer) {
  tp_member *member = timer->data;
  if (--member->handles > 0)
    return;
  void (*left)(void *) = member->left;
  void *context = member->left_context;
  destroy(member);
  if (left)
    left(context);
}

static void on_engine_closed(void *context) {
  tp_member *member = context;
  uv_close((uv_handle_t *)&member->beat, on_timer_closed);
  uv_close((uv_handle_t *)&member->reap, on_timer_closed);
  uv_close((uv_handle_t *)&member->batch, on_timer_closed);
  uv_close((uv_handle_t *)&member->claim, on_timer_closed);
}

static void on_left(void *context, const tp_engine_answer *answer) {
  tp_member *member = context;
  (void)answer; /* whoever cannot leave is taken off when the lease is over */
  tp_engine_close(member->engine, on_engine_closed, member);
}

/* Leaves once all that is done was sent, or could not be. */
static void leave_now(tp_member *member) {
  if (member->sending || member->has_left)
    return;
  if (member->done_count > 0 && !member->gives_up) {
    send_done(member);
    return;
  }
  member->has_left = true;
  bool is_entered = member->self && !member->is_taken_off;
  if (!is_entered || !tp_engine_leave(member->engine, member->self->id, on_left, member))
    tp_engine_close(member->engine, on_engine_closed, member);
}

void tp_member_leave(tp_member *member, void (*left)(void *context), void *context) {
  member->left = left;
  member->left_context = context;
  member->stage = STAGE_LEAVING;
  member->gives_up = false;
  leave_now(member);
}

/* ---- opening ---- */

static void start_timers(tp_member *member) {
  uv_timer_t *timers[] = {&member->beat, &member->reap, &member->batch, &member->claim};
  for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
    uv_timer_init(member->loop, timers[i]);
    timers[i]->data = member;
    member->handles++;
  }
  uint64_t half = (uint64_t)(member->lease * 1000 / 2) + 1;
  uv_timer_start(&member->beat, on_beat, beat_pause(member), beat_pause(member));
  uv_timer_start(&member->reap, on_reap, half, half);
}

tp_member *tp_member_open(uv_loop_t *loop, const tp_member_options *options, tp_error *error) {
  tp_member *member = calloc(1, sizeof *member);
  tp_engine_options engine = options->engine;
  size_t size = sizeof member->host;
  if (!member) {
    tp_fail(error, TP_NO_MEMORY, "no memory for the member of a pool");
    return NULL;
  }
  member->loop = loop;
  member->listener = options->listener;
  member->context = options->context;
  member->size = options->size;
  member->lease = options->lease > 0 ? options->lease : LEASE;
  member->pause = RETRY_MIN;
  snprintf(member->version, sizeof member->version, "%s", options->version ? options->version : "");
  if (uv_os_gethostname(member->host, &size) != 0)
    strcpy(member->host, "unknown");
  TAILQ_INIT(&member->running);
  TAILQ_INIT(&member->lost);
  TAILQ_INIT(&member->done);
  TAILQ_INIT(&member->sent);
  engine.listen = on_event;
  engine.context = member;
  member->engine = tp_engine_open(loop, &engine, error);
  if (!member->engine) {
    free(member);
    return NULL;
  }
  start_timers(member);
  return member;
}

tp_engine *tp_member_engine(tp_member *member) {
  return member->engine;
}
