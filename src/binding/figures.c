/* SPDX-License-Identifier: MIT
 *
 * What a host says of itself; see figures.h. */
#include "binding/figures.h"
#include "host/host.h"

#include <uv.h>

static void set_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

static void set_count(lua_State *L, const char *field, uint64_t count) {
  lua_pushinteger(L, (lua_Integer)count);
  lua_setfield(L, -2, field);
}

/* Sets a number, to so many parts of 1. */
static void set_number(lua_State *L, const char *field, double number, double parts) {
  lua_pushnumber(L, (double)(int64_t)(number * parts + 0.5) / parts);
  lua_setfield(L, -2, field);
}

static uint64_t count_clients(const tp_host *host) {
  const tp_resource *resource;
  uint64_t count = 0;
  LIST_FOREACH (resource, &host->resources, link)
    count += resource->count_clients ? resource->count_clients(resource) : 0;
  return count;
}

static void set_memory(lua_State *L) {
  size_t resident = 0;
  uint64_t kilobytes = (uint64_t)lua_gc(L, LUA_GCCOUNT), rest = (uint64_t)lua_gc(L, LUA_GCCOUNTB);
  uv_resident_set_memory(&resident);
  set_count(L, "lua_memory", kilobytes * 1024 + rest);
  set_count(L, "memory", resident);
}

void tp_figures_set(lua_State *L, const tp_pool *pool) {
  tp_host *host = tp_state_host(L);
  tp_latency latency = tp_meter_latency(&host->meter);
  set_number(L, "ended_per_s", tp_meter_speed(&host->meter, pool), 10);
  set_number(L, "uptime", tp_meter_uptime(&host->meter), 1e3);
  set_number(L, "latency_p50_ms", latency.p50 * 1e3, 1e3);
  set_number(L, "latency_p99_ms", latency.p99 * 1e3, 1e3);
  set_number(L, "latency_max_ms", latency.max * 1e3, 1e3);
  set_memory(L);
  set_count(L, "clients", count_clients(host));
  set_text(L, "version", tp_version());
  set_text(L, "lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
  set_text(L, "libuv", uv_version_string());
}
