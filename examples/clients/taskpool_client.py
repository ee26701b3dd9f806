#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client of taskpool's control port, with the standard library only.

    with Client("unix:/run/user/1000/jobs.sock") as jobs:      # or "tcp://127.0.0.1:8001"
        group = jobs.map("mypackage.mymodule.worker", ["x", "y", "z"], num_concurrent=3)
        jobs.wait(group)
        print(jobs.num_ended())

Each command is a method, which waits for the answer: arguments by position, options by name. An error of the server is
raised as TaskpoolError, whose `code` is its name. As a program it runs one command and prints the answer as JSON:

    taskpool_client.py ADDRESS METHOD [ARGUMENT…] [NAME=VALUE…]     arguments are Python literals, or names
"""
import ast
import json
import math
import re
import socket
import sys

NAME = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)
VALUES = {"nil", "null", "None", "true", "True", "false", "False", "inf"}


class TaskpoolError(Exception):
    """An error that the server has answered with."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def quoted(text):
    return '"' + re.sub(r'[\x00-\x1f"\\\x7f]', lambda found: f"\\x{ord(found[0]):02x}", text) + '"'


def literal(value):
    """The value in the spelling of the control language."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and math.isinf(value):
        return "inf"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(of)}" for key, of in value.items()) + "}"
    if isinstance(value, (list, tuple, set, range)):
        return "[" + ", ".join(literal(of) for of in value) + "]"
    return repr(value)


def word(value):
    """An argument. A name stands as it is, so that it can be that of a function."""
    is_name = isinstance(value, str) and NAME.match(value) and value not in VALUES
    return value if is_name else literal(value)


def line_of(method, arguments, options):
    words = [method.replace("_", "-")]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is not False and value is not None:
            words.append(option if value is True else f"{option}={word(value)}")
    return " ".join(words + [word(value) for value in arguments])


def result(answer):
    """What an answer says; raises its error."""
    if answer["ok"]:
        return answer.get("value")
    raise TaskpoolError(answer["code"], answer["message"])


class Client:
    """One session. `pool` is what the pool prints as that it begins with."""

    def __init__(self, address, timeout=None, token=None):
        """Connects to "unix:PATH" or "tcp://HOST:PORT". `timeout`: seconds to wait for anything; None: any time. `token`:
        shown to the server, if it needs one."""
        if address.startswith("unix:"):
            self._socket = socket.socket(socket.AF_UNIX)
            target = address[len("unix:"):]
        elif match := re.fullmatch(r"tcp://\[?([^\]]+)\]?:(\d+)", address):
            self._socket = socket.socket(socket.AF_INET6 if ":" in match[1] else socket.AF_INET)
            target = (match[1], int(match[2]))
        else:
            raise ValueError(f"an address is unix:PATH or tcp://HOST:PORT, not {address!r}")
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(target)
            self._answers = self._socket.makefile("rb")
            self.pool = self._send(json.dumps({"reply": "json", "token": token}))
        except (OSError, TaskpoolError):
            self._socket.close()
            raise

    def _read(self):
        """The next line of the server: an answer, or an item of a stream, which has an "event"."""
        answer = self._answers.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the server has closed the connection")
        return json.loads(answer)

    def _send(self, line):
        self._socket.sendall(line.encode() + b"\n")
        return result(self._read())

    def call(self, method, *arguments, **options):
        """Runs a command, by its name in Lua, and returns what it returns."""
        return self._send(line_of(method, arguments, options))

    def stream(self, method, *arguments, **options):
        """Goes over what a command such as events streams, which ends with the loop: `for event in
        client.stream("events", kind="ended")`. No other command can be run meanwhile."""
        self._socket.sendall(line_of(method, arguments, options).encode() + b"\n")
        try:
            while "event" in (item := self._read()):
                yield item
        except GeneratorExit:
            self._socket.sendall(b"interrupt\n")
            while "event" in self._read():
                pass
            self._read()
            raise
        result(item)

    def __getattr__(self, method):
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments, **options: self.call(method, *arguments, **options)

    def close(self):
        self._answers.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read(text):
    """A word of the command line: a literal, or a name."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main(address, method, *words):
    arguments = [read(text) for text in words if not re.match(r"[a-z_]+=", text)]
    options = {name: read(value) for name, value in (text.split("=", 1) for text in words if re.match(r"[a-z_]+=", text))}
    with Client(address) as client:
        print(json.dumps(client.call(method, *arguments, **options)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (TaskpoolError, OSError, ValueError) as error:
        sys.exit(f"taskpool_client.py: {error}")
