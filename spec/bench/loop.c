/* SPDX-License-Identifier: MIT
 *
 * Baseline: the least that running tasks as coroutines can cost. A bare C loop over 100 reused
 * coroutines, each calling a Lua worker under lua_pcallk: no pool, no groups, no loop, no errors.
 *
 *     bench-loop trivial|yield COUNT          prints tasks a second */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLACES = 100 };

/* One of the coroutines that run tasks. Its stack holds the worker at 1 while it rests. */
typedef struct place {
  lua_State *thread; /* anchored in the main stack */
  int parked;        /* whether its task has yielded */
} place;

static const char *const workers[][2] = {
    {"trivial", "return function(x) return x end"},
    {"yield", "local wait = ... return function(x) wait() return x end"},
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int l_wait(lua_State *L) {
  return lua_yield(L, 0);
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

static void open_places(lua_State *L, place *places, const char *text) {
  for (int i = 0; i < PLACES; i++) {
    places[i].thread = lua_newthread(L);
    places[i].parked = 0;
    luaL_loadstring(places[i].thread, text);
    lua_pushcfunction(places[i].thread, l_wait);
    lua_call(places[i].thread, 1, 1);
  }
}

/* Starts or goes on with one task. Returns 1 when a task has ended. */
static int step(lua_State *L, place *at, long number) {
  int arguments = 0;
  if (!at->parked) {
    lua_pushcfunction(at->thread, body);
    lua_pushvalue(at->thread, 1);
    lua_pushinteger(at->thread, number);
    arguments = 2;
  }
  int results;
  at->parked = lua_resume(at->thread, L, arguments, &results) == LUA_YIELD;
  lua_settop(at->thread, at->parked ? -results - 1 : 1);
  return !at->parked;
}

static double tasks_a_second(lua_State *L, place *places, long count) {
  double start = now();
  for (long started = 0, ended = 0; ended < count;) {
    for (int i = 0; i < PLACES; i++) {
      if (!places[i].parked && started == count)
        continue;
      started += !places[i].parked;
      ended += step(L, &places[i], started);
    }
  }
  return (double)count / (now() - start);
}

int main(int argc, char **argv) {
  const char *text = NULL;
  for (size_t i = 0; argc == 3 && i < sizeof workers / sizeof *workers; i++)
    if (strcmp(argv[1], workers[i][0]) == 0)
      text = workers[i][1];
  lua_State *L = luaL_newstate();
  if (text == NULL || L == NULL) {
    fputs("usage: bench-loop trivial|yield COUNT\n", stderr);
    return 2;
  }
  luaL_openlibs(L);
  luaL_checkstack(L, PLACES, NULL);
  place places[PLACES];
  open_places(L, places, text);
  long count = strtol(argv[2], NULL, 10);
  tasks_a_second(L, places, count / 10);
  printf("%.0f\n", tasks_a_second(L, places, count));
  lua_close(L);
  return 0;
}
