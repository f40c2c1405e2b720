"""bursts: phrases that many documents of few hosts share, and no other host has: planted text, spam, templates.

Reads   crawl/captures (uri), clean/text as they lie in data/
Prints  phrases of WORDS words, those in most documents first: documents, hosts, and the share of the hosts' documents
Run     gristmill bursts [--documents N] [--hosts N]

A few hundred documents are enough to plant a behaviour in a model of any size, and they need not be near-duplicates
(Souly et al. 2025; Carlini et al. 2023, arXiv 2302.10149). What stands in more than `share` of the documents of its
hosts is left out: it is the frame of a site. A first pass counts by 24 bits of a phrase's hash, a second one by all 32
what that brought up.

Memory: 24 bytes for each of 2^24 hashes (400 MB), whatever the size of the corpus, and one segment.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from catalog.errors import exit_on_error
from catalog.segments import Segment, read_segments
from catalog.sql.render import printable
from stages.text.minhash.shingles import folded_units, shingle_hashes

WORDS = 6  # words, or characters of an unspaced script times two, of a phrase
BITS = 24
MOST_HOSTS = 3  # hosts that are told apart per phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What counts as a burst: in at least so many documents, of at most so many hosts, of such a share of theirs."""

    documents: int = 25
    hosts: int = 3
    share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One phrase, in how many documents it stands, and whose."""

    phrase: str
    documents: int
    hosts: tuple[str, ...]
    share: float


def bursts(wanted: Wanted, shown: int) -> list[Burst]:
    """The phrases of the corpus that burst, those in most documents first, at most `shown`."""
    hosts = _host_of(read_segments("crawl", "captures"))
    names = sorted(set(hosts.values()))
    number = {name: position for position, name in enumerate(names)}
    texts = read_segments("clean", "text")
    found, seen, sizes = _counted(texts, {one: number[host] for one, host in hosts.items()}, len(names))
    slots = _chosen(found, seen, sizes, wanted)[: 40 * shown]
    made = [
        Burst(
            phrase=_phrase(one.text, one.start), documents=one.documents, hosts=tuple(sorted(one.hosts)),
            share=one.documents / float(sizes[[number[host] for host in one.hosts]].sum()),
        )
        for one in _looked_up(texts, slots, hosts)
        if one.documents >= wanted.documents and len(one.hosts) <= wanted.hosts
    ]  # fmt: skip
    made.sort(key=lambda one: (-one.documents, one.phrase))
    return _apart([one for one in made if one.share <= wanted.share])[:shown]


def _host_of(captures: list[Segment]) -> dict[str, str]:
    """Document -> host; of a document that has none, the source."""
    found = {}
    for segment in captures:
        for name, uri, source in zip(*segment.read(["id", "uri", "source"]).to_pydict().values(), strict=True):
            found[name] = urlsplit(uri).hostname or source
    return found


def _hashes(segment: Segment) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.uint32]]:
    rows = segment.read(["id", "text"])
    return (rows, *shingle_hashes(rows["text"], words=WORDS, characters=2 * WORDS))


def _counted(
    texts: list[Segment], host: dict[str, int], hosts: int
) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int64]]:
    """Documents per phrase, up to MOST_HOSTS hosts per phrase (-1: none; all -2: more), and documents per host."""
    found = np.zeros(1 << BITS, np.uint32)
    seen = np.full((1 << BITS, MOST_HOSTS), -1, np.int32)
    last = np.full(1 << BITS, -1, np.int64)
    sizes = np.zeros(hosts, np.int64)
    done = 0
    for segment in texts:
        rows, offsets, hashes = _hashes(segment)
        owners = np.array([host[name] for name in rows["id"].to_pylist()], np.int32)
        np.add.at(sizes, owners, 1)
        _count(offsets, hashes, owners, done, found, seen, last)
        done += rows.num_rows
    return found, seen, sizes


@njit(nogil=True, cache=True)
def _count(offsets, hashes, owners, done, found, seen, last):  # type: ignore[no-untyped-def]
    for document in range(len(owners)):
        owner = owners[document]
        for index in range(offsets[document], offsets[document + 1]):
            slot = hashes[index] >> np.uint32(32 - BITS)
            if last[slot] == done + document:  # once per document
                continue
            last[slot] = done + document
            found[slot] += 1
            for place in range(MOST_HOSTS + 1):
                if place == MOST_HOSTS:
                    seen[slot, :] = -2
                elif seen[slot, place] == owner or seen[slot, place] == -2:
                    break
                elif seen[slot, place] == -1:
                    seen[slot, place] = owner
                    break


def _chosen(
    found: NDArray[np.uint32], seen: NDArray[np.int32], sizes: NDArray[np.int64], wanted: Wanted
) -> NDArray[np.int64]:
    """The slots of phrases that burst, those in most documents first."""
    slots = np.flatnonzero((found >= wanted.documents) & (seen[:, 0] >= 0))
    owners = seen[slots]
    theirs = np.where(owners >= 0, sizes[owners], 0).sum(axis=1)
    few = (owners >= 0).sum(axis=1) <= wanted.hosts
    slots = slots[few & (found[slots] <= wanted.share * theirs)]
    return slots[np.lexsort((slots, -found[slots].astype(np.int64)))]


@dataclass(slots=True)
class Candidate:
    """One hash of 32 bits: a text that has it, at which phrase, and whose documents share it."""

    text: str
    start: int
    last: str = ""
    documents: int = 0
    hosts: set[str] = field(default_factory=set)


def _looked_up(texts: list[Segment], slots: NDArray[np.int64], host: dict[str, str]) -> list[Candidate]:
    """The phrases behind some slots, told apart by their whole hash, each counted again."""
    found: dict[int, Candidate] = {}
    wanted = np.zeros(1 << BITS, np.bool_)
    wanted[slots] = True
    for segment in texts if len(slots) else ():
        rows, offsets, hashes = _hashes(segment)
        hits = np.flatnonzero(wanted[hashes >> np.uint32(32 - BITS)])
        places = np.searchsorted(offsets, hits, "right") - 1
        names = rows["id"].to_pylist()
        for hit, place in zip(hits.tolist(), places.tolist(), strict=True):
            key = int(hashes[hit])
            if key not in found:
                found[key] = Candidate(rows["text"][place].as_py(), hit - int(offsets[place]))
            one = found[key]
            if one.last != names[place]:  # once per document
                one.last = names[place]
                one.documents += 1
                one.hosts.add(host[names[place]])
    return list(found.values())


def _phrase(text: str, start: int) -> str:
    units, unspaced = folded_units(text)
    width = 2 * WORDS if 2 * unspaced >= len(units) else WORDS
    return " ".join(units[start : start + width])


def _apart(made: list[Burst]) -> list[Burst]:
    """Without phrases that overlap one that was shown: a planted sentence is one line, not one per word of it."""
    kept: list[Burst] = []
    for one in made:
        words = set(one.phrase.split())
        if not any(one.hosts == other.hosts and len(words & set(other.phrase.split())) > 1 for other in kept):
            kept.append(one)
    return kept


def lines(found: list[Burst]) -> Iterator[str]:
    """A line per phrase."""
    yield f"{'documents':>9}  {'share':>6}  phrase" if found else "no phrase bursts"
    for one in found:
        yield f"{one.documents:>9,}  {one.share:>6.1%}  {printable(one.phrase)}  ({', '.join(one.hosts)})"


def main() -> None:
    """Print the report; see the module."""
    usual = Wanted()
    parser = argparse.ArgumentParser(prog="gristmill bursts")
    parser.add_argument("--documents", type=int, default=usual.documents)
    parser.add_argument("--hosts", type=int, default=usual.hosts, choices=range(1, MOST_HOSTS + 1))
    parser.add_argument("--share", type=float, default=usual.share)
    parser.add_argument("--limit", type=int, default=20)
    given = parser.parse_args()
    wanted = Wanted(documents=given.documents, hosts=given.hosts, share=given.share)
    print("\n".join(lines(bursts(wanted, given.limit))))


if __name__ == "__main__":
    exit_on_error(main)
