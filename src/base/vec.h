/* SPDX-License-Identifier: MIT
 *
 * Arrays that grow. The owner keeps items, count and capacity in its own record. */
#ifndef TP_BASE_VEC_H
#define TP_BASE_VEC_H

#include <stddef.h>

/* Makes room for `count` items of `size` bytes each in an array from malloc (NULL: none yet) that
 * has room for `*capacity`, at least doubling it where it must grow. Returns the array, which may
 * have moved; NULL: no memory, and nothing is changed. */
void *tp_vec_reserve(void *items, size_t *capacity, size_t count, size_t size);

#endif
