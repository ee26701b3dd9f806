# SPDX-License-Identifier: MIT
"""Baseline: Python's asyncio, a task for each element, a semaphore as the limit.

    python3 gather.py trivial|yield|sleep LIMIT COUNT      prints tasks a second
"""
import asyncio
import sys
import time


async def trivial(x):
    return x


async def wait_once(x):
    await asyncio.sleep(0)
    return x


async def sleep(x):
    await asyncio.sleep(0.001)
    return x


WORKERS = {"trivial": trivial, "yield": wait_once, "sleep": sleep}


async def run_all(worker, limit, count):
    room = asyncio.Semaphore(limit)
    running = set()

    async def run(x):
        try:
            await worker(x)
        finally:
            room.release()

    for x in range(count):
        await room.acquire()
        task = asyncio.create_task(run(x))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def main():
    worker, limit, count = WORKERS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
    asyncio.run(run_all(worker, limit, count // 10))
    start = time.monotonic()
    asyncio.run(run_all(worker, limit, count))
    print(f"{count / (time.monotonic() - start):.0f}")


main()
