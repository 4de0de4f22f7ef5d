"""The end of a message, however its octets are cut into segments."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from collectors.wire.content import Content

pieces = st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"."]), max_size=12)


@given(pieces, st.lists(st.integers(0, 30), max_size=6))
def test_the_end_is_found_wherever_segments_are_cut(words: list[bytes], cuts: list[int]) -> None:
    message = b"".join(words)
    end = re.search(rb"\r\n\.\r\n", b"\r\n" + message)
    at = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    content = Content()
    seen = 0
    for begin, stop in itertools.pairwise(at):
        taken = content.feed(message[begin:stop]) if begin < stop else -1
        if taken >= 0:
            seen = begin + taken
            break
    assert seen == (end.end() - 2 if end else 0)
    assert content.size == (seen if end else len(message))


@given(pieces, st.integers(0, 30))
def test_a_doubtful_end_is_found_wherever_segments_are_cut(words: list[bytes], cut: int) -> None:
    message = b"".join(words) + b"x"
    whole, parts = Content(), Content()
    if whole.feed(message) < 0:
        for part in (message[:cut], message[cut:]):
            if part:
                parts.feed(part)
        assert (parts.doubtful, parts.smuggled) == (whole.doubtful, whole.smuggled)


def test_ordinary_text_is_not_doubtful() -> None:
    content = Content()
    message = b"Dear a.b.\r\n..\r\n...x\r\n.x\r\nEnd.\r\n.\r\n"
    assert content.feed(message + b"QUIT\r\n") == len(message)
    assert content.doubtful == ""
