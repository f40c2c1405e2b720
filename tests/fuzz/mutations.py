"""Damaged files: small seeds of our own with a few edits each, drawn by hypothesis, so that a failure shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

PLACES = 1 << 16  # a place is a share of the file's length
MOST = 1 << 15  # bytes of a damaged file: the slowest readers of what is linear take a second for them
TOKENS = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\r\n", b"\n\n", b'"', b"'", b"\\", b"\\ud800", b"&#xD800;",
    b"&#0;", b"<", b"</", b"<!--", b"<![CDATA[", b"<p>", b"<table><td>", b"{", b"}", b"[", b"]", b"{{", b"[[", b"null",
    b"true", b"NaN", b"1e999", b"-1", b"99999999999999999999", b",", b":", b"- ", b"*a", b"&a ", b"!!python/x ",
    b"%PDF-", b"obj", b"endobj", b"stream", b"PK\3\4", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"Content-Length: 0\r\n",
    b"WARC/1.0\r\n",
)  # fmt: skip


class Edit(NamedTuple):
    """What is done at a place: some bytes give way to others, or are repeated."""

    place: int
    length: int
    more: bytes
    times: int

    def done(self, data: bytes) -> bytes:
        """The file after it."""
        start = self.place * len(data) // PLACES
        end = min(start + self.length, len(data))
        middle = self.more if self.times == 1 else (data[start:end] + self.more) * self.times
        return (data[:start] + middle + data[end:])[:MOST]


EDITS = st.builds(
    Edit,
    st.integers(0, PLACES - 1),
    st.one_of(st.integers(0, 4), st.integers(0, 400)),
    st.one_of(st.just(b""), st.sampled_from(TOKENS), st.binary(max_size=4)),
    st.one_of(st.just(1), st.just(1), st.just(1), st.sampled_from((2, 50, 3000))),
)


def damaged(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds after up to five edits."""

    def edited(seed: bytes, edits: list[Edit]) -> bytes:
        for edit in edits:
            seed = edit.done(seed)
        return seed

    return st.builds(edited, st.sampled_from(list(seeds)), st.lists(EDITS, min_size=0, max_size=5))
