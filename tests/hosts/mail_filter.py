"""A content filter on loopback: takes each message from Postfix and gives it back, as amavis and its kind do."""

import socket
import threading
from typing import Self, TextIO

from tests.hosts.namespaces import Namespace

PORT = 10_024


class MailFilter:
    """An SMTP relay on 127.0.0.1, PORT, of a namespace, from the start of the `with` block to its end, that sends all
    it gets to port 25 of the same address.

    `names_id`: its reply to a message is the one that it got, with the new queue id. `forwards`: it takes XFORWARD, and
    hands it on."""

    def __init__(self, namespace: Namespace, names_id: bool, forwards: bool) -> None:
        self._namespace = namespace
        self._names_id = names_id
        self._forwards = forwards
        with namespace.entered():
            self._listener = socket.create_server(("127.0.0.1", PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            with self._namespace.entered():
                onward = socket.create_connection(("127.0.0.1", 25))
            threading.Thread(target=self._relay, args=(connection, onward), daemon=True).start()

    def _relay(self, connection: socket.socket, onward: socket.socket) -> None:
        with (
            connection, onward, connection.makefile("rw", encoding="latin-1", newline="\r\n") as client,
            onward.makefile("rw", encoding="latin-1", newline="\r\n") as server,
        ):  # fmt: skip
            _reply(server)
            _say(client, "220 filter ESMTP\r\n")
            for line in client:
                if not self._command(line, client, server):
                    return

    def _command(self, line: str, client: TextIO, server: TextIO) -> bool:
        """Answer one command; whether there may be more."""
        verb = line[:4].upper()
        _say(server, line)
        reply = _reply(server)
        if verb == "EHLO":
            offers = [
                "250-filter",
                *(["250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"] if self._forwards else []),
            ]
            reply = "".join(f"{offer}\r\n" for offer in offers) + "250 8BITMIME\r\n"
        elif verb == "DATA":
            _say(client, reply)
            for text in client:
                _say(server, text)
                if text == ".\r\n":
                    break
            reply = _reply(server)
            if not self._names_id:
                reply = "250 2.0.0 all well\r\n"
        _say(client, reply)
        return verb != "QUIT"


def _reply(server: TextIO) -> str:
    """A whole reply, as it came."""
    lines = ""
    for line in server:
        lines += line
        if line[3:4] != "-":
            break
    return lines


def _say(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
