"""Random SMTP sessions that know what happened in them, to hold the reader against.

A `Play` writes a session as segments of both sides and, beside it, the facts that its JSON line must have. The client
waits for each reply, or sends groups as RFC 2920 allows, a line or a group in a segment; the server answers with
enhanced codes or without, in one segment or in many.
"""

import random
from collections.abc import Callable

from smtpwatch.state.facts import AuthFacts, RecipientFacts, TransactionFacts
from tests.wire import Wire

MESSAGE = b"Subject: hello\r\n\r\nMAIL FROM:<no@command.example>\r\n..\r\n"


class Play:
    """One random session. `wire` has its packets; the other public attributes are the truth about it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.wire = Wire().open()
        self.transactions: list[TransactionFacts] = []
        self.auth: list[AuthFacts] = []
        self.helos: list[str] = []
        self.named: dict[str | None, list[str | None]] = {}
        """The recipients that were asked for, whatever the answer, by the sender of the MAIL before them."""
        self._sender = ""
        self._open: TransactionFacts | None = None
        self._enhanced = self._random.random() < 0.5
        self._pipelines = self._random.random() < 0.6
        self._whole_groups = self._random.random() < 0.5
        self._names = 0
        self._queued: list[tuple[bytes, Callable[[], bytes]]] = []
        self._perform()

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}@example.com"

    def _perform(self) -> None:
        draw = self._random
        self.wire.server(b"220 mx.example.net ESMTP\r\n")
        if draw.random() < 0.2:
            self._hello("first.example", taken=False)
        self._hello("client.example", taken=True)
        if draw.random() < 0.3:
            self._authenticate()
        for _ in range(draw.randint(1, 3)):
            self._transaction()
            if draw.random() < 0.15:
                self._hello("again.example", taken=True)
        self._command("QUIT", lambda: self._say(221, "2.0.0", "Bye"))
        self._flush()
        self.wire.close(by_client=False)

    # ---- what is said

    def _say(self, code: int, enhanced: str, text: str) -> bytes:
        return f"{code} {enhanced + ' ' if self._enhanced else ''}{text}\r\n".encode()

    def _command(self, line: str, answer: Callable[[], bytes], last: bool = False) -> None:
        """Send a command now or in a group; `last`: it ends a group, since its reply decides what follows."""
        self._queued.append((line.encode() + b"\r\n", answer))
        if last or not self._pipelines or self._random.random() < 0.1:
            self._flush()

    def _flush(self) -> None:
        """Send what is queued, and let the server answer: in one segment, or one for each."""
        queued, self._queued = self._queued, []
        lines = [line for line, _ in queued]
        answers = [answer for _, answer in queued]
        if self._whole_groups:
            lines = [b"".join(lines)] if lines else []
        due = 0
        replies: list[bytes] = []
        for number, line in enumerate(lines, 1):
            self.wire.client(line)
            # The server may answer some of what it has while the client still sends.
            while len(lines) == len(answers) and due < number and self._random.random() < 0.3:
                self.wire.server(answers[due]())
                due += 1
        replies = [answer() for answer in answers[due:]]
        if self._random.random() < 0.5:
            replies = [b"".join(replies)] if replies else []
        for reply in replies:
            self.wire.server(reply)

    # ---- what is done

    def _hello(self, name: str, taken: bool) -> None:
        def answer() -> bytes:
            if not taken:
                return b"501 5.5.4 Invalid EHLO\r\n" if self._enhanced else b"501 Invalid EHLO\r\n"
            self.helos.append(name)
            self._end("reset")
            offer = b"250-PIPELINING\r\n" if self._pipelines or self._names % 2 else b""
            return b"250-mx.example.net\r\n" + offer + b"250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN\r\n"

        self._command(f"EHLO {name}", answer, last=True)

    def _authenticate(self) -> None:
        good = self._random.random() < 0.5
        end = self._say(235, "2.7.0", "Welcome") if good else self._say(535, "5.7.8", "Bad credentials")
        if self._random.random() < 0.5:
            self._command("AUTH PLAIN AGFAYgBzZWNyZXQ=", lambda: end, last=True)
            mechanism = "PLAIN"
        else:
            self._command("AUTH LOGIN", lambda: b"334 VXNlcm5hbWU6\r\n", last=True)
            self.wire.client(b"Ym9i\r\n").server(b"334 UGFzc3dvcmQ6\r\n").client(b"c2VjcmV0\r\n").server(end)
            mechanism = "LOGIN"
        self.auth.append(AuthFacts(mechanism, "success" if good else "failure"))

    def _transaction(self) -> None:
        draw = self._random
        self._mail(refused=draw.random() < 0.1)
        for _ in range(draw.randint(1, 4)):
            self._rcpt(refused=draw.random() < 0.3)
        way = draw.random()
        if way < 0.2:
            self._command("RSET", self._reset)
        else:
            self._data()

    def _mail(self, refused: bool) -> None:
        self._sender = sender = self._name("s")

        def answer() -> bytes:
            if self._open is not None:
                return self._say(503, "5.5.1", "nested MAIL command")
            facts = TransactionFacts(sender, [], None, None, None, "")
            self.transactions.append(facts)
            if refused:
                facts.outcome = "rejected"
                return self._say(550, "5.7.1", "go away")
            self._open = facts
            return self._say(250, "2.1.0", "Ok")

        self._command(f"MAIL FROM:<{sender}> SIZE=100", answer)

    def _rcpt(self, refused: bool) -> None:
        recipient = self._name("r")
        self.named.setdefault(self._sender, []).append(recipient)

        def answer() -> bytes:
            if self._open is None:
                return self._say(503, "5.5.1", "need MAIL command")
            self._open.rcpts.append(RecipientFacts(recipient, 550 if refused else 250))
            return self._say(550, "5.1.1", "no such user") if refused else self._say(250, "2.1.5", "Ok")

        self._command(f"RCPT TO:<{recipient}>", answer)

    def _data(self) -> None:
        going_on: list[bool] = []

        def answer() -> bytes:
            current = self._open
            if current is None or not any(rcpt.code == 250 for rcpt in current.rcpts):
                return self._say(554, "5.5.1", "no valid recipients")
            going_on.append(True)
            return b"354 go ahead\r\n"

        self._command("DATA", answer, last=True)
        if not going_on:
            self._command("RSET", self._reset)
            return
        middle = self._random.randint(0, len(MESSAGE))
        self.wire.client(MESSAGE[:middle])
        refused = self._random.random() < 0.3
        self._command_after(MESSAGE[middle:] + b".\r\n", lambda: self._decide(refused))

    def _command_after(self, octets: bytes, answer: Callable[[], bytes]) -> None:
        """The end of a message: commands may follow in the same group."""
        self._queued.append((octets, answer))
        if not self._pipelines or self._random.random() < 0.5:
            self._flush()

    def _decide(self, refused: bool) -> bytes:
        current = self._open
        assert current is not None
        queue = None if refused else f"4Q{self._names}"
        said = self._say(554, "5.7.1", "spam") if refused else self._say(250, "2.0.0", f"Ok: queued as {queue}")
        current.code, current.reply, current.queue_id = int(said[:3]), said.decode().rstrip(), queue
        self._end("rejected" if refused else "accepted")
        return said

    def _reset(self) -> bytes:
        self._end("reset")
        return self._say(250, "2.0.0", "Ok")

    def _end(self, outcome: str) -> None:
        if self._open is not None:
            self._open.outcome = self._open.outcome or outcome
            self._open = None
        self._open = None
