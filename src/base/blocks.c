/* SPDX-License-Identifier: MIT
 *
 * Bytes in a list of blocks; see blocks.h. */
#include "base/blocks.h"

#include <stdlib.h>
#include <string.h>

/* The first block is that large. */
#define CAPACITY_MIN 128

/* So many bytes are copied rather than moved with their blocks, so that there are few blocks. */
#define COPIED_MAX 4096

static size_t room(const tp_blocks *blocks) {
  return blocks->first ? blocks->last->capacity - blocks->last->length : 0;
}

static void link_block(tp_blocks *blocks, tp_block *block) {
  if (blocks->first)
    blocks->last->next = block;
  else
    blocks->first = block;
  blocks->last = block;
}

/* Adds an empty block. Each is as large as all before it, up to the maximum. */
static bool grow(tp_blocks *blocks, size_t needed) {
  size_t capacity = blocks->length < CAPACITY_MIN ? CAPACITY_MIN : blocks->length;
  if (capacity > TP_BLOCK_MAX)
    capacity = TP_BLOCK_MAX;
  if (capacity < needed)
    capacity = needed;
  tp_block *block = malloc(sizeof *block + capacity);
  if (!block)
    return false;
  *block = (tp_block){.capacity = capacity};
  link_block(blocks, block);
  return true;
}

char *tp_blocks_add(tp_blocks *blocks, size_t length) {
  if (length > room(blocks) && !grow(blocks, length))
    return NULL;
  char *bytes = blocks->last->bytes + blocks->last->length;
  blocks->last->length += length;
  blocks->length += length;
  return bytes;
}

bool tp_blocks_append(tp_blocks *blocks, const char *bytes, size_t length) {
  if (length == 0)
    return true;
  char *to = tp_blocks_add(blocks, length);
  if (to)
    memcpy(to, bytes, length);
  return to;
}

/* Copies the bytes of `from` to the end of `to`. False: no memory. */
static bool copy(tp_blocks *to, const tp_blocks *from) {
  char *bytes = tp_blocks_add(to, from->length);
  for (const tp_block *block = from->first; bytes && block; block = block->next) {
    memcpy(bytes, block->bytes, block->length);
    bytes += block->length;
  }
  return bytes;
}

void tp_blocks_move(tp_blocks *to, tp_blocks *from) {
  if (from->length == 0)
    return;
  if (from->length <= COPIED_MAX && copy(to, from)) {
    tp_blocks_empty(from);
    return;
  }
  if (to->length == 0)
    tp_blocks_clear(to);
  link_block(to, from->first);
  to->last = from->last;
  to->length += from->length;
  *from = (tp_blocks){0};
}

tp_block *tp_blocks_take(tp_blocks *blocks) {
  tp_block *block = blocks->first;
  blocks->first = block->next;
  blocks->length -= block->length;
  block->next = NULL;
  return block;
}

void tp_blocks_empty(tp_blocks *blocks) {
  while (blocks->first && (blocks->first != blocks->last || blocks->last->capacity > TP_BLOCK_MAX))
    free(tp_blocks_take(blocks));
  if (blocks->first)
    blocks->first->length = 0;
  blocks->length = 0;
}

void tp_blocks_clear(tp_blocks *blocks) {
  while (blocks->first)
    free(tp_blocks_take(blocks));
}
