# SPDX-License-Identifier: MIT
"""Stands for a service manager: prints each datagram that comes to the socket at the path given, until its
stdin ends."""
import select
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
    receiver.bind(sys.argv[1])
    print("listening", flush=True)
    while receiver in select.select([receiver, sys.stdin], [], [])[0]:
        print(receiver.recv(4096).decode(), flush=True)
