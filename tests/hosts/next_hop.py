"""A mail server for a mail server to deliver to: it says what the recipient's local part asks for, and keeps
nothing."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Self, TextIO

from tests.hosts.namespaces import Namespace

ACCEPTED = "250 2.0.0 Ok: queued as 4Zc0Ht6Lqhz1Yb"


class NextHop:
    """An SMTP server on `address`, port 25, of a namespace, from the start of the `with` block to its end. `answers`
    are its replies to RCPT by local part, and to the end of a message by the sender's; all else it accepts."""

    def __init__(self, namespace: Namespace, address: str, answers: Mapping[str, str]) -> None:
        self._answers = answers
        with namespace.entered():
            self._listener = socket.create_server((address, 25))
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            self._connections.append(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        # A client that goes without a word is none of ours.
        with (
            suppress(ConnectionResetError, BrokenPipeError),
            connection.makefile("rw", encoding="utf-8", newline="\r\n") as stream,
        ):
            self._say(stream, "220 hop.example ESMTP")
            for line in stream:
                verb = line[:4].upper()
                if verb == "DATA":
                    self._say(stream, "354 go ahead")
                    for text in stream:
                        if text == ".\r\n":
                            break
                    self._say(stream, ACCEPTED)
                elif verb == "QUIT":
                    self._say(stream, "221 bye")
                    return
                else:
                    self._say(
                        stream,
                        self._answers.get(_local_part(line), "250 2.1.0 Ok") if verb == "RCPT" else "250 hop.example",
                    )

    @staticmethod
    def _say(stream: TextIO, reply: str) -> None:
        stream.write(reply + "\r\n")
        stream.flush()


def _local_part(line: str) -> str:
    return line.partition("<")[2].partition("@")[0]
