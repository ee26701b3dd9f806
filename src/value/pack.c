/* SPDX-License-Identifier: MIT
 *
 * Values between Lua states; see pack.h.
 *
 * How it works. Packing walks over the values on the Lua stack and writes as it goes; a table is
 * looked through once before, to know whether it is an array and how many entries it has. `levels`
 * says where in which table the walk is, for the path in a refusal. Unpacking is the library's own
 * parser, whose callbacks push what they read. To add a table with a metatable of ours: a row in
 * `kinds`. */
#include "value/pack.h"
#include "base/fail.h"
#include "value/error.h"
#include "value/list.h"
#include "value/raise.h"

#include <stdlib.h>

#ifndef TP_HAVE_MSGPACK

bool tp_pack_is_available(void) {
  return false;
}

bool tp_pack(tp_bytes *out, lua_State *L, int first, int count, const char *what, const char *where,
             tp_error *error) {
  (void)out, (void)L, (void)first, (void)count;
  return tp_fail(error, TP_NOT_AVAILABLE, "no %s can be sent %s: built without msgpack-c", what,
                 where);
}

int tp_pack_push(lua_State *L, const char *data, size_t length) {
  (void)data, (void)length;
  return tp_raise(L, TP_NOT_AVAILABLE, "nothing can be unpacked: built without msgpack-c");
}

#else

#include "value/text.h"
#include <lauxlib.h>
#include <msgpack/pack.h>
#include <stdio.h>
#include <string.h>

/* The outermost list, the tables, and the tables in what is marked. */
#define MSGPACK_EMBED_STACK_SIZE (TP_PACK_DEPTH + 2)
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

bool tp_pack_is_available(void) {
  return true;
}

/* Makes the table on top a set, also where no pool has been opened yet. */
static void mark_set(lua_State *L) {
  luaL_newmetatable(L, TP_SET_TYPE);
  lua_setmetatable(L, -2);
}

/* The metatables that are sent along, as extension types. */
static const struct {
  signed char type;           /* of the extension */
  const char *metatable;      /* its name in the registry */
  void (*mark)(lua_State *L); /* gives it to the table on top */
} kinds[] = {{1, TP_SET_TYPE, mark_set}, {2, TP_ERROR_TYPE, tp_error_mark}};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* ---- packing ---- */

/* Where in a table the walk is. */
typedef struct level {
  const void *table; /* its identity */
  int key;           /* stack slot of the key, or 0: … */
  lua_Integer index; /* … the index in an array */
} level;

typedef struct packer {
  lua_State *L;
  tp_bytes *out;
  msgpack_packer writer;       /* writes to `out` */
  size_t limit;                /* how long `out` may get */
  bool has_memory;             /* no allocation has failed */
  int number;                  /* which value of the list it is at, from 1 on */
  const char *what, *where;    /* see tp_pack */
  int depth;                   /* entries of `levels` in use */
  level levels[TP_PACK_DEPTH]; /* the tables that the walk is in */
  tp_error *error;             /* filled on failure */
} packer;

/* What the library writes with. */
static int write_bytes(void *context, const char *data, size_t length) {
  packer *p = context;
  p->has_memory = p->has_memory && tp_bytes_append(p->out, data, length);
  if (!p->has_memory)
    return -1;
  return 0;
}

/* Whether `text` reads as a name: it needs no quotes in a path. */
static bool is_word(const char *text, size_t length) {
  static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
  return length > 0 && strspn(text, bytes) == length && !strchr("0123456789", *text);
}

/* Appends one step of a path: ".fn", "[3]", "[\"two words\"]". */
static void print_step(packer *p, const level *at, char *path, size_t size) {
  size_t length = 0;
  const char *word =
      at->key && lua_type(p->L, at->key) == LUA_TSTRING ? lua_tolstring(p->L, at->key, &length) : 0;
  if (word && is_word(word, length))
    snprintf(path, size, ".%.60s", word);
  else if (word)
    snprintf(path, size, "[\"%.60s\"]", word);
  else if (!at->key)
    snprintf(path, size, "[%lld]", (long long)at->index);
  else if (lua_isinteger(p->L, at->key))
    snprintf(path, size, "[%lld]", (long long)lua_tointeger(p->L, at->key));
  else if (lua_type(p->L, at->key) == LUA_TNUMBER)
    snprintf(path, size, "[%.14g]", lua_tonumber(p->L, at->key));
  else
    snprintf(path, size, "[%s]", lua_toboolean(p->L, at->key) ? "true" : "false");
}

/* Fails, naming the value that the walk is at: "argument 2.options[3].fn <problem>". */
static bool refuse(packer *p, const char *problem) {
  char path[400] = "";
  size_t used = 0;
  for (int i = 0; i < p->depth && used + 80 < sizeof path; i++) {
    print_step(p, &p->levels[i], path + used, sizeof path - used);
    used += strlen(path + used);
  }
  return tp_fail(p->error, TP_INVALID_ARGUMENT, "%s %d%s%s", p->what, p->number, path, problem);
}

static bool refuse_type(packer *p, int index) {
  char problem[120];
  snprintf(problem, sizeof problem, " is a %s, which cannot be sent %s", luaL_typename(p->L, index),
           p->where);
  return refuse(p, problem);
}

/* Counts the entries of a table. Returns the length of an array; -1: it is not one. */
static lua_Integer count_entries(lua_State *L, int table, uint32_t *count) {
  lua_Integer marked = tp_list_marked(L, table);
  lua_Integer length = marked < 0 ? (lua_Integer)lua_rawlen(L, table) : marked;
  bool is_array = true;
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    ++*count;
    lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    is_array = is_array && key >= 1 && key <= length;
  }
  return is_array && (marked >= 0 || length == (lua_Integer)*count) ? length : -1;
}

static bool pack_value(packer *p, int index);

static bool pack_array(packer *p, int table, lua_Integer length) {
  level *at = &p->levels[p->depth - 1];
  msgpack_pack_array(&p->writer, (size_t)length);
  for (lua_Integer i = 1; i <= length; i++) {
    at->key = 0;
    at->index = i;
    lua_rawgeti(p->L, table, i);
    if (!pack_value(p, lua_gettop(p->L)))
      return false;
    lua_pop(p->L, 1);
  }
  return true;
}

static bool pack_map(packer *p, int table, uint32_t count) {
  level *at = &p->levels[p->depth - 1];
  lua_State *L = p->L;
  msgpack_pack_map(&p->writer, count);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    int value = lua_gettop(L);
    if (lua_type(L, value - 1) > LUA_TSTRING || lua_islightuserdata(L, value - 1)) {
      p->depth--;
      return refuse(p, " has a key that is not a string, number or boolean");
    }
    at->key = value - 1;
    if (!pack_value(p, value - 1) || !pack_value(p, value))
      return false;
    lua_settop(L, value - 1);
  }
  return true;
}

static bool pack_entries(packer *p, int table) {
  uint32_t count;
  lua_Integer length = count_entries(p->L, table, &count);
  return length >= 0 ? pack_array(p, table, length) : pack_map(p, table, count);
}

/* The row of `kinds` that the table's metatable is; KIND_COUNT: none. */
static int kind_of(lua_State *L, int table) {
  int kind = KIND_COUNT;
  if (!lua_getmetatable(L, table))
    return kind;
  for (kind = 0; kind < KIND_COUNT; kind++) {
    luaL_getmetatable(L, kinds[kind].metatable);
    bool is_it = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    if (is_it)
      break;
  }
  lua_pop(L, 1);
  return kind;
}

/* Packs a table that keeps its metatable: an extension, whose length is filled in afterwards. */
static bool pack_marked(packer *p, int table, int kind) {
  size_t head = p->out->length;
  msgpack_pack_ext(&p->writer, UINT16_MAX + 1, kinds[kind].type); /* takes the long form */
  size_t body = p->out->length;
  if (!pack_entries(p, table))
    return false;
  if (!p->has_memory)
    return true; /* reported at the end */
  uint32_t length = (uint32_t)(p->out->length - body);
  for (int i = 0; i < 4; i++)
    p->out->data[head + 1 + (size_t)i] = (char)(length >> (24 - 8 * i));
  return true;
}

static bool pack_table(packer *p, int index) {
  const void *table = lua_topointer(p->L, index);
  for (int i = 0; i < p->depth; i++)
    if (p->levels[i].table == table)
      return refuse(p, " is a table inside itself");
  if (p->depth == TP_PACK_DEPTH)
    return refuse(p, " is too deep: tables are sent 32 deep at most");
  if (!lua_checkstack(p->L, 8))
    return tp_fail(p->error, TP_NO_MEMORY, "no memory to send %ss", p->what);
  p->levels[p->depth++] = (level){.table = table};
  int kind = kind_of(p->L, index);
  bool ok = kind < KIND_COUNT ? pack_marked(p, index, kind) : pack_entries(p, index);
  p->depth--;
  return ok;
}

static void pack_string(packer *p, int index) {
  size_t length;
  const char *text = lua_tolstring(p->L, index, &length);
  msgpack_pack_str(&p->writer, length);
  msgpack_pack_str_body(&p->writer, text, length);
}

static bool pack_value(packer *p, int index) {
  if (p->out->length > p->limit)
    return refuse(p, " is too much: 64 MiB are sent at most");
  switch (lua_type(p->L, index)) {
  case LUA_TNIL:
    msgpack_pack_nil(&p->writer);
    return true;
  case LUA_TBOOLEAN:
    if (lua_toboolean(p->L, index))
      msgpack_pack_true(&p->writer);
    else
      msgpack_pack_false(&p->writer);
    return true;
  case LUA_TNUMBER:
    if (lua_isinteger(p->L, index))
      msgpack_pack_int64(&p->writer, lua_tointeger(p->L, index));
    else
      msgpack_pack_double(&p->writer, lua_tonumber(p->L, index));
    return true;
  case LUA_TSTRING:
    if (lua_rawlen(p->L, index) > TP_PACK_SIZE)
      return refuse(p, " is too much: 64 MiB are sent at most");
    pack_string(p, index);
    return true;
  case LUA_TTABLE:
    return pack_table(p, index);
  default:
    return refuse_type(p, index);
  }
}

bool tp_pack(tp_bytes *out, lua_State *L, int first, int count, const char *what, const char *where,
             tp_error *error) {
  packer p = {.L = L, .out = out, .has_memory = true, .what = what, .where = where, .error = error};
  size_t before = out->length;
  p.limit = before + TP_PACK_SIZE;
  int top = lua_gettop(L);
  bool ok = true;
  msgpack_packer_init(&p.writer, &p, write_bytes);
  msgpack_pack_array(&p.writer, (size_t)count);
  for (int i = 0; ok && i < count; i++) {
    p.number = i + 1;
    ok = pack_value(&p, first + i);
  }
  lua_settop(L, top);
  if (ok && out->length > p.limit)
    ok = refuse(&p, " is too much: 64 MiB are sent at most");
  if (!p.has_memory)
    ok = tp_fail(error, TP_NO_MEMORY, "no memory to send %ss", what);
  if (!ok)
    out->length = before;
  return ok;
}

/* ---- unpacking ---- */

/* A table that is being filled. */
typedef struct container {
  lua_Integer next;   /* index of its next element; 0: the outermost list, whose values stay on the
                         stack */
  lua_Integer length; /* of a list */
} container;

/* What the callbacks know. */
typedef struct unpacker {
  lua_State *L;
  int depth;   /* marked tables that this one is in; in those there is no outermost list */
  bool begun;  /* the outermost list has */
  int count;   /* its length */
  size_t size; /* bytes, of which each value has one at least */
} unpacker;

#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(result, name) static inline result parser##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object container
#define msgpack_unpack_user unpacker *

typedef unpacker *const *unpacker_of; /* as callbacks get it */

static container on_root(unpacker_of u) {
  (void)u;
  return (container){0};
}

/* A value that is not a container. */
static const container plain;

#define ON_INTEGER(name, type)                                                                     \
  static inline int on_##name(unpacker_of u, type value, container *c) {                           \
    *c = plain;                                                                                    \
    lua_pushinteger((*u)->L, (lua_Integer)value);                                                  \
    return 0;                                                                                      \
  }
ON_INTEGER(uint8, uint8_t)
ON_INTEGER(uint16, uint16_t)
ON_INTEGER(uint32, uint32_t)
ON_INTEGER(uint64, uint64_t)
ON_INTEGER(int8, int8_t)
ON_INTEGER(int16, int16_t)
ON_INTEGER(int32, int32_t)
ON_INTEGER(int64, int64_t)
#undef ON_INTEGER

static inline int on_double(unpacker_of u, double value, container *c) {
  *c = plain;
  lua_pushnumber((*u)->L, value);
  return 0;
}

static inline int on_float(unpacker_of u, float value, container *c) {
  return on_double(u, (double)value, c);
}

static inline int on_nil(unpacker_of u, container *c) {
  *c = plain;
  lua_pushnil((*u)->L);
  return 0;
}

static inline int push_boolean(unpacker_of u, bool value, container *c) {
  *c = plain;
  lua_pushboolean((*u)->L, value);
  return 0;
}

static inline int on_true(unpacker_of u, container *c) {
  return push_boolean(u, true, c);
}

static inline int on_false(unpacker_of u, container *c) {
  return push_boolean(u, false, c);
}

static inline int on_str(unpacker_of u, const char *base, const char *text, unsigned length,
                         container *c) {
  (void)base;
  *c = plain;
  lua_pushlstring((*u)->L, text, length);
  return 0;
}

static inline int on_bin(unpacker_of u, const char *base, const char *text, unsigned length,
                         container *c) {
  return on_str(u, base, text, length, c);
}

/* How many elements a table is made for at most, so that a false length costs no memory. */
static int to_hint(unsigned count) {
  return count < 1000 ? (int)count : 1000;
}

static inline int on_array(unpacker_of u, unsigned count, container *c) {
  unpacker *self = *u;
  bool is_outermost = self->depth == 0 && !self->begun;
  *c = (container){.next = !is_outermost, .length = (lua_Integer)count};
  if (count > self->size)
    return -1;
  if (is_outermost) {
    self->begun = true;
    self->count = (int)count;
    luaL_checkstack(self->L, (int)count + 8, "too many values");
  } else {
    luaL_checkstack(self->L, 8, NULL);
    lua_createtable(self->L, to_hint(count), 0);
  }
  return 0;
}

static inline int on_array_item(unpacker_of u, container *c, container item) {
  (void)item;
  lua_State *L = (*u)->L;
  if (c->next && lua_isnil(L, -1) && tp_list_marked(L, -2) < 0)
    tp_list_mark(L, -2, c->length);
  if (c->next)
    lua_rawseti(L, -2, c->next++);
  return 0;
}

static inline int on_map(unpacker_of u, unsigned count, container *c) {
  *c = plain;
  luaL_checkstack((*u)->L, 8, NULL);
  lua_createtable((*u)->L, 0, to_hint(count));
  return 0;
}

static inline int on_map_item(unpacker_of u, container *c, container key, container value) {
  (void)c, (void)key, (void)value;
  lua_State *L = (*u)->L;
  if (lua_isnil(L, -2) || (lua_type(L, -2) == LUA_TNUMBER && !lua_rawequal(L, -2, -2)))
    return -1;
  lua_rawset(L, -3);
  return 0;
}

static int on_ext(unpacker_of u, const char *base, const char *body, unsigned length, container *c);

#include <msgpack/unpack_template.h>

/* Pushes the values in the bytes. False: they are malformed. */
static bool parse(unpacker *self, const char *data, size_t length) {
  struct parser_context parser;
  size_t at = 0;
  parser_init(&parser);
  parser.user = self;
  return parser_execute(&parser, data, length, &at) > 0 && at == length;
}

/* A table that is marked: the first byte is its type. */
static int on_ext(unpacker_of u, const char *base, const char *body, unsigned length,
                  container *c) {
  (void)base;
  *c = plain;
  lua_State *L = (*u)->L;
  unpacker inner = {.L = L, .depth = (*u)->depth + 1, .size = length};
  if (inner.depth > TP_PACK_DEPTH || !parse(&inner, body + 1, length - 1) || !lua_istable(L, -1))
    return -1;
  for (int kind = 0; kind < KIND_COUNT; kind++)
    if (kinds[kind].type == *body)
      kinds[kind].mark(L);
  return 0;
}

/* Whether the bytes begin with a list, which all other values are in. */
static bool is_list(const char *data, size_t length) {
  unsigned char first = length > 0 ? (unsigned char)*data : 0;
  return (first & 0xF0) == 0x90 || first == 0xDC || first == 0xDD;
}

int tp_pack_push(lua_State *L, const char *data, size_t length) {
  unpacker self = {.L = L, .size = length};
  luaL_checkstack(L, 8, NULL);
  if (!is_list(data, length) || !parse(&self, data, length))
    return tp_raise(L, TP_INVALID_ARGUMENT, "these bytes are not packed values");
  return self.count;
}

#endif
