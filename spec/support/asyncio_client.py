# SPDX-License-Identifier: MIT
"""Speaks the wire format of asyncio-taskpool's control client: says how wide its terminal is, reads who
is there with one read, then writes each command and reads its answer with one read. Prints what it read.

    asyncio_client.py PATH COMMAND…
"""
import asyncio
import json
import sys

READ_SIZE = 102400


async def exchange(reader, writer, line):
    """Writes a line, its end apart, and returns what one read brings."""
    writer.write(line.encode())
    writer.write(b"\n")
    await writer.drain()
    return (await reader.read(READ_SIZE)).decode()


async def main(path, commands):
    reader, writer = await asyncio.open_unix_connection(path)
    print(await exchange(reader, writer, json.dumps({"terminal_width": 80})), end="")
    for command in commands:
        print(await exchange(reader, writer, command), end="")
    writer.close()
    await writer.wait_closed()
    print("Disconnected")


asyncio.run(main(sys.argv[1], sys.argv[2:]))
