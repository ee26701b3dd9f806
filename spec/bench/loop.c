/* SPDX-License-Identifier: MIT
 *
 * Baseline: the least that running tasks as coroutines can cost. A bare C loop over reused
 * coroutines, each calling a Lua worker under lua_pcallk: no pool, no groups, no errors.
 *
 *     loop WORK COUNT          prints tasks a second
 *
 * WORK: trivial and yield take their arguments from a counter; trivial-step and yield-step from a
 * Lua iterator that is called before each task; sleep has each task wait a millisecond in a heap of
 * deadlines, 10 000 at a time. To add one, write a row in `works`. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLACES_MAX = 10000 };

/* What the tasks do. */
typedef struct work {
  const char *name;   /* as the command line says it */
  const char *worker; /* Lua: called with `wait`, returns the worker */
  int places;         /* tasks at a time */
  bool steps;         /* whether an iterator is called for each argument */
} work;

static const work works[] = {
    {.name = "trivial", .places = 100, .worker = "return function(x) return x end"},
    {.name = "trivial-step",
     .places = 100,
     .steps = true,
     .worker = "return function(x) return x end"},
    {.name = "yield",
     .places = 100,
     .worker = "local wait = ... return function(x) wait() return x end"},
    {.name = "yield-step",
     .places = 100,
     .steps = true,
     .worker = "local wait = ... return function(x) wait() return x end"},
    {.name = "sleep",
     .places = PLACES_MAX,
     .worker = "local wait = ... return function(x) wait(0.001) return x end"},
};

static const char iterator[] = "local at, count = 0, math.maxinteger "
                               "return function() at = at + 1 return at <= count and at or nil end";

/* One of the coroutines that run tasks. Its stack holds the worker at 1 while it rests. */
typedef struct place {
  lua_State *thread; /* anchored in the main stack */
  bool parked;       /* its task has yielded */
  double deadline;   /* when it goes on; 0: at the next round */
} place;

/* The loop: its places, and a heap of those that sleep. */
typedef struct loop {
  lua_State *L;     /* the main thread; the iterator is on its top */
  const work *work; /* what is run */
  place *places;    /* all coroutines */
  place **heap;     /* those with a deadline, the first one first */
  int asleep;       /* how many */
  long started;     /* tasks so far */
  long ended;       /* the same */
} loop;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the heap of deadlines ---- */

static void push(loop *of, place *entry) {
  int at = of->asleep++;
  for (; at > 0 && of->heap[(at - 1) / 2]->deadline > entry->deadline; at = (at - 1) / 2)
    of->heap[at] = of->heap[(at - 1) / 2];
  of->heap[at] = entry;
}

static place *pop(loop *of) {
  place *first = of->heap[0], *last = of->heap[--of->asleep];
  int at = 0;
  for (int child; (child = at * 2 + 1) < of->asleep; at = child) {
    if (child + 1 < of->asleep && of->heap[child + 1]->deadline < of->heap[child]->deadline)
      child++;
    if (last->deadline <= of->heap[child]->deadline)
      break;
    of->heap[at] = of->heap[child];
  }
  of->heap[at] = last;
  return first;
}

/* ---- tasks ---- */

static int l_wait(lua_State *L) {
  return lua_yield(L, lua_gettop(L));
}

static int after_worker(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_settop(L, 0);
  return 0;
}

/* The body of a coroutine: the worker and its argument are on the stack. */
static int body(lua_State *L) {
  return after_worker(L, lua_pcallk(L, 1, LUA_MULTRET, 0, 0, after_worker), 0);
}

/* Puts function and argument of the next task on a coroutine's stack; returns how many values. */
static int begin(loop *of, const place *at) {
  lua_pushcfunction(at->thread, body);
  lua_pushvalue(at->thread, 1);
  if (of->work->steps) {
    lua_pushvalue(of->L, -1);
    lua_call(of->L, 0, 1);
    lua_xmove(of->L, at->thread, 1);
  } else {
    lua_pushinteger(at->thread, of->started);
  }
  of->started++;
  return 2;
}

/* Starts or goes on with one task. */
static void step(loop *of, place *at) {
  int results, arguments = at->parked ? 0 : begin(of, at);
  at->parked = lua_resume(at->thread, of->L, arguments, &results) == LUA_YIELD;
  of->ended += !at->parked;
  at->deadline = 0;
  if (at->parked && results) {
    at->deadline = now() + lua_tonumber(at->thread, -1);
    push(of, at);
  }
  lua_settop(at->thread, at->parked ? -results - 1 : 1);
}

/* Steps each place that is ready or free. */
static void step_all(loop *of, long count) {
  for (int i = 0; i < of->work->places; i++) {
    place *at = &of->places[i];
    if (at->parked ? at->deadline == 0 : of->started < count)
      step(of, at);
  }
}

/* Steps those whose deadline has come; a place where a task ends takes the next one. */
static void step_due(loop *of, long count) {
  double time = now();
  while (of->asleep && of->heap[0]->deadline <= time) {
    place *at = pop(of);
    step(of, at);
    if (of->started < count)
      step(of, at);
  }
}

static double tasks_a_second(loop *of, long count) {
  double start = now();
  of->started = of->ended = 0;
  while (of->ended < count) {
    if (of->asleep < of->work->places)
      step_all(of, count);
    if (of->asleep)
      step_due(of, count);
  }
  return (double)count / (now() - start);
}

/* ---- the program ---- */

static void open_places(loop *of) {
  for (int i = 0; i < of->work->places; i++) {
    lua_State *thread = lua_newthread(of->L);
    luaL_loadstring(thread, of->work->worker);
    lua_pushcfunction(thread, l_wait);
    lua_call(thread, 1, 1);
    of->places[i].thread = thread;
  }
  luaL_loadstring(of->L, iterator);
  lua_call(of->L, 0, 1);
}

static const work *find(const char *name) {
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    if (strcmp(name, works[i].name) == 0)
      return &works[i];
  return NULL;
}

int main(int argc, char **argv) {
  static place places[PLACES_MAX], *heap[PLACES_MAX];
  loop made = {.L = luaL_newstate(),
               .work = argc == 3 ? find(argv[1]) : NULL,
               .places = places,
               .heap = heap};
  if (made.work == NULL || made.L == NULL) {
    fputs("usage: loop trivial|trivial-step|yield|yield-step|sleep COUNT\n", stderr);
    return 2;
  }
  luaL_openlibs(made.L);
  luaL_checkstack(made.L, PLACES_MAX + 10, NULL);
  open_places(&made);
  long count = strtol(argv[2], NULL, 10);
  tasks_a_second(&made, count / 10);
  printf("%.0f\n", tasks_a_second(&made, count));
  lua_close(made.L);
  return 0;
}
