"""The most that one thread of Python can send: `send` to one socket after the other, and nothing else.

`python -m tests.bench.references.socket_loop PORT STREAMS FRAME` takes STREAMS connections, answers each
request's head, and then sends the bytes of the file FRAME to all of them in turn until it is ended.
"""

import socket
import sys
from pathlib import Path

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def main(port: int, streams: int, frame: bytes) -> None:
    listening = socket.create_server(("127.0.0.1", port), backlog=1024)
    sockets: list[socket.socket] = []
    while len(sockets) < streams:
        taken, _ = listening.accept()
        if b"/live" not in taken.recv(4096):  # somebody who asks whether we are there
            taken.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            taken.close()
            continue
        taken.sendall(_HEAD)
        taken.setblocking(False)
        sockets.append(taken)
    while True:
        for each in sockets:
            try:
                each.send(frame)
            except BlockingIOError:  # its buffer is full: it misses this one
                continue


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_bytes())
