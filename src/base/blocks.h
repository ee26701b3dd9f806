/* SPDX-License-Identifier: MIT
 *
 * Bytes in a list of blocks. What is added never moves, so adding to megabytes takes no longer than
 * adding to a few bytes. All zero: empty. */
#ifndef TP_BASE_BLOCKS_H
#define TP_BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

/* A block has at most so many bytes, unless more were added at once. */
#define TP_BLOCK_MAX ((size_t)64 * 1024)

typedef struct tp_block {
  struct tp_block *next; /* the block after it */
  size_t length;         /* bytes in use */
  size_t capacity;       /* bytes allocated */
  char bytes[];          /* the bytes */
} tp_block;

typedef struct tp_blocks {
  tp_block *first; /* NULL: nothing is allocated */
  tp_block *last;  /* the one that grows; undefined without a first */
  size_t length;   /* bytes in all blocks */
} tp_blocks;

/* Adds `length` bytes, all in one block, for the caller to fill. NULL: no memory. */
char *tp_blocks_add(tp_blocks *blocks, size_t length);

/* Adds a copy of these bytes. False: no memory. */
bool tp_blocks_append(tp_blocks *blocks, const char *bytes, size_t length);

/* Moves all bytes of `from` to the end of `to`. */
void tp_blocks_move(tp_blocks *to, tp_blocks *from);

/* Takes the first block, which the caller frees. There must be one. */
tp_block *tp_blocks_take(tp_blocks *blocks);

/* Forgets the bytes, and keeps the memory of the last block. */
void tp_blocks_empty(tp_blocks *blocks);

/* Frees everything. */
void tp_blocks_clear(tp_blocks *blocks);

#endif
