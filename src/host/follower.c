/* SPDX-License-Identifier: MIT
 *
 * Those who follow events; see follower.h. */
#include "host/follower.h"

#include <stdlib.h>
#include <string.h>

/* ---- notes ---- */

/* Bytes of a text with its zero byte. */
static size_t size_of(const char *text) {
  return text ? strlen(text) + 1 : 0;
}

/* Copies a text to `*to`, and goes past it. */
static const char *copy(char **to, const char *text) {
  if (!text)
    return NULL;
  char *start = *to;
  size_t size = size_of(text);
  memcpy(start, text, size);
  *to += size;
  return start;
}

/* A note of an event, with one reference. NULL: no memory. */
static tp_kept_event *create(const tp_event_record *record) {
  size_t size = size_of(record->pool) + size_of(record->group) + size_of(record->detail);
  tp_kept_event *note = calloc(1, sizeof *note + size);
  if (!note)
    return NULL;
  char *to = note->texts;
  note->references = 1;
  note->event = record->event;
  note->time = record->time;
  note->task = record->task;
  note->pool = copy(&to, record->pool);
  note->group = copy(&to, record->group);
  note->detail = copy(&to, record->detail);
  return note;
}

void tp_follower_release(tp_kept_event *note) {
  if (!note || --note->references > 0)
    return;
  for (int form = 0; form < TP_KEPT_FORMS; form++)
    free(note->lines[form]);
  free(note);
}

/* ---- the queue ---- */

enum { FIRST_CAPACITY = 16 };

/* Makes room for one more note. False: the queue is full, or there is no memory. */
static bool reserve(tp_follower *follower) {
  if (follower->count < follower->capacity)
    return true;
  size_t capacity = follower->capacity ? follower->capacity * 2 : FIRST_CAPACITY;
  if (capacity > follower->limit)
    capacity = follower->limit;
  if (capacity == follower->capacity)
    return false;
  tp_kept_event **queue = calloc(capacity, sizeof *queue);
  if (!queue)
    return false;
  for (size_t i = 0, from = follower->first; i < follower->count; i++) {
    queue[i] = follower->queue[from];
    from = from + 1 < follower->capacity ? from + 1 : 0;
  }
  free(follower->queue);
  follower->queue = queue;
  follower->capacity = capacity;
  follower->first = 0;
  return true;
}

/* Adds a note, and takes a reference. False: there is no room. */
static bool add(tp_follower *follower, tp_kept_event *note) {
  if (!reserve(follower))
    return false;
  follower->queue[(follower->first + follower->count++) % follower->capacity] = note;
  note->references++;
  return true;
}

/* A note of the events that were dropped at that time, which are no longer counted. NULL: no
 * memory. */
static tp_kept_event *tell_dropped(tp_follower *follower, double time) {
  tp_kept_event *note = create(&(tp_event_record){.event = "dropped", .time = time, .task = -1});
  if (!note)
    return NULL;
  note->count = follower->dropped;
  follower->dropped = 0;
  return note;
}

/* Where events are missing before the next one, says so. False: no memory. */
static bool close_gap(tp_follower *follower, double time) {
  if (follower->dropped == 0)
    return true;
  tp_kept_event *note = tell_dropped(follower, time);
  if (!note)
    return false;
  bool added = add(follower, note);
  if (!added)
    follower->dropped = note->count;
  tp_follower_release(note);
  return added;
}

tp_kept_event *tp_follower_take(tp_follower *follower) {
  if (follower->count == 0)
    return follower->dropped ? tell_dropped(follower, follower->last) : NULL;
  tp_kept_event *note = follower->queue[follower->first];
  follower->first = (follower->first + 1) % follower->capacity;
  follower->count--;
  return note;
}

/* ---- events ---- */

static bool is_one_of(const tp_pool *pool, const tp_follower_filter *filter) {
  for (size_t i = 0; i < filter->pool_count; i++)
    if (filter->pools[i] == pool)
      return true;
  return !filter->has_pools;
}

static bool follows(const tp_follower_filter *filter, const tp_pool *pool, tp_event event,
                    const tp_event_record *record) {
  if (!(filter->kinds & TP_EVENT_BIT(event)) || !is_one_of(pool, filter))
    return false;
  if (filter->pool && !tp_pool_is_called(pool, filter->pool))
    return false;
  return !filter->group || (record->group && strcmp(filter->group, record->group) == 0);
}

/* Whether there is room for an event, and for what is to be said before it. */
static bool has_room(const tp_follower *follower) {
  return follower->count + (follower->dropped > 0) < follower->limit;
}

/* Queues a note (NULL: there is no room or no memory for it) for one who follows it. */
static void push(tp_follower *follower, tp_kept_event *note, double time) {
  bool was_empty = follower->count == 0 && follower->dropped == 0;
  follower->last = time;
  if (!note || !close_gap(follower, time) || !add(follower, note))
    follower->dropped++;
  if (was_empty)
    follower->wake(follower);
}

void tp_follower_tell(tp_follower_list *followers, const tp_pool *pool, tp_event event,
                      const tp_event_record *record) {
  tp_follower *follower;
  tp_kept_event *note = NULL;
  LIST_FOREACH (follower, followers, link) {
    if (!follows(&follower->filter, pool, event, record))
      continue;
    bool fits = has_room(follower);
    if (fits && !note)
      note = create(record);
    push(follower, fits ? note : NULL, record->time);
  }
  tp_follower_release(note);
}

/* ---- lifetime ---- */

bool tp_follower_open(tp_follower *follower, const tp_follower_filter *filter, size_t limit) {
  *follower = (tp_follower){.limit = limit > 2 ? limit : 2};
  tp_follower_filter *own = &follower->filter;
  char *to = follower->texts = calloc(1, size_of(filter->pool) + size_of(filter->group) + 1);
  own->pools = calloc(filter->pool_count + 1, sizeof *own->pools);
  if (!to || !own->pools) {
    tp_follower_close(follower);
    return false;
  }
  own->kinds = filter->kinds;
  own->pool = copy(&to, filter->pool);
  own->group = copy(&to, filter->group);
  own->has_pools = filter->has_pools;
  own->pool_count = filter->pool_count;
  for (size_t i = 0; i < filter->pool_count; i++)
    own->pools[i] = filter->pools[i];
  return true;
}

void tp_follower_close(tp_follower *follower) {
  follower->dropped = 0;
  for (tp_kept_event *note; (note = tp_follower_take(follower));)
    tp_follower_release(note);
  free(follower->queue);
  free(follower->texts);
  free(follower->filter.pools);
  *follower = (tp_follower){0};
}
