/* SPDX-License-Identifier: MIT
 *
 * The program as process 1 of a container. */
#ifndef TP_PROGRAM_INIT_H
#define TP_PROGRAM_INIT_H

/* As process 1, goes on in a child, and stays behind as its parent: that hands on signals, reaps
 * orphans, and ends with the exit code of the child. Any other process goes on as it is. Must come
 * before there are threads. */
void tp_init_fork(void);

#endif
