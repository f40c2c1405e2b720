"""The actions of a clustering that is spread, in their order; none holds more than a partition.

values -> links        of each level that looks for equality, and of ids, which must not repeat
bands -> buckets       what may be near
evidence -> edges      what is near
labels, in rounds      what is connected
members -> settled     what is kept of each cluster
verdicts               of each segment, once a guard has seen the sums
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from catalog.errors import GristmillError
from catalog.incremental.operators import Operator
from catalog.incremental.planning import Job
from catalog.segments import Segment
from stages.duplicates.levels import COLUMNS
from stages.duplicates.params import NEAR, ClusterParams
from stages.duplicates.spread import bands, components, equal, settling
from stages.duplicates.spread.parts import Share, arriving

ROUNDS = 50  # of joining edges; distances halve in each
PART_EDGES = 50_000_000  # edges joined in one action, 3 GB

SEND_VALUES = Operator(name="send_values", run=equal.send_values, writes={"spread_values": equal.VALUES})
MEET_VALUES = Operator(name="meet_values", run=equal.meet_values, writes={"spread_links": equal.LINKS})
SEND_BANDS = Operator(name="send_bands", run=bands.send_bands, writes={"spread_bands": bands.BANDS})
MEET_BANDS = Operator(
    name="meet_bands", run=bands.meet_bands, writes={"spread_buckets": bands.BUCKETS, "spread_wanted": bands.WANTED}
)
SEND_EVIDENCE = Operator(name="send_evidence", run=bands.send_evidence, writes={"spread_evidence": bands.EVIDENCE})
VERIFY = Operator(name="verify", run=bands.verify, writes={"spread_edges": bands.EDGES})
JOIN = Operator(name="join", run=components.join_edges, writes={"spread_labels": components.LABELS})
SEND_MEMBERS = Operator(name="send_members", run=settling.send_members, writes={"spread_members": settling.MEMBERS})
SETTLE = Operator(
    name="settle_clusters", run=settling.settle,
    writes={"spread_settled": settling.PLACED, "spread_sizes": settling.SIZES},
)  # fmt: skip
FINISH = Operator(
    name="finish", run=settling.finish,
    writes={"verdicts": settling.VERDICTS, "spread_outcomes": settling.OUTCOMES},
)  # fmt: skip
FINISH_FIRST = replace(
    FINISH, run=settling.finish_first, writes={"clusters": settling.VERDICTS, "spread_outcomes": settling.OUTCOMES}
)
GUARD = Operator(name="guard", run=settling.guard, writes={"spread_guarded": settling.OUTCOMES})


class Reducing(Protocol):
    """What is asked of a stage."""

    def reduce_all(self, operator: Operator, jobs: Iterable[Job]) -> dict[str, list[Segment]]:
        """Several reduces of one operator, side by side where there are workers; their tables, in the jobs' order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What clustering reads; the lists hold the same keys in the same order, the last three may be empty."""

    signatures: list[Segment]
    verdicts: list[Segment]
    texts: list[Segment]
    addresses: list[Segment]
    folded: list[Segment]
    signals: list[Segment]

    @property
    def documents(self) -> int:
        """Documents with a signature, those that `clean` dropped too: known before anything is read."""
        return sum(segment.rows for segment in self.signatures)

    def groups(self, documents: int) -> list[Tables]:
        """Runs of segments of at least so many documents each, but for the last."""
        found, start, held = [], 0, 0
        for place, segment in enumerate(self.signatures, 1):
            held += segment.rows
            if held >= documents or place == len(self.signatures):
                found.append(self._run(slice(start, place)))
                start, held = place, 0
        return found

    def _run(self, of: slice) -> Tables:
        return Tables(
            signatures=self.signatures[of], verdicts=self.verdicts[of], texts=self.texts[of],
            addresses=self.addresses[of], folded=self.folded[of], signals=self.signals[of],
        )  # fmt: skip

    @property
    def all(self) -> tuple[list[Segment], ...]:
        """The lists as `cluster` takes them."""
        return self.signatures, self.verdicts, self.texts, self.addresses, self.folded, self.signals

    @property
    def read(self) -> tuple[list[Segment], ...]:
        """The lists that every action of a group begins with."""
        return self.signatures, self.verdicts, self.addresses, self.folded, self.signals


class Spreading:
    """One clustering, spread over the actions of `stage`, in partitions of `documents` or a few more."""

    def __init__(self, stage: Reducing, tables: Tables, params: ClusterParams, documents: int) -> None:
        self._stage, self._tables, self._params = stage, tables, params
        self._groups = tables.groups(documents)
        self._parts = len(self._groups)
        self._share = Share(
            parts=self._parts,
            cluster=replace(params, accept={}, max_dropped_fraction=ClusterParams().max_dropped_fraction),
        )

    def run(self, *, later: bool) -> dict[str, list[Segment]]:
        """The segments of `verdicts`, or of `clusters` where later levels may change them."""
        nothing: list[list[Segment]] = [[] for _ in self._groups]
        self._equal(equal.ID, nothing)
        links = nothing
        for level in (one for one in self._params.levels if one in COLUMNS):
            found = self._equal(level, links)
            links = [[*before, *more] for before, more in zip(links, found, strict=True)]
        wanted, edges = self._near(links) if NEAR in self._params.levels else (nothing, [])
        labels = self._connected([*(one for found in links for one in found), *edges])
        return self._settled(wanted, labels, links, later)

    def _equal(self, level: str, links: list[list[Segment]]) -> list[list[Segment]]:
        """The links of a level, by the group that they return to; `links` are those of the levels before it."""
        sent = self._each(SEND_VALUES, lambda i: [*self._groups[i].read, links[i]], level)["spread_values"]
        there = arriving(sent, self._parts)
        return arriving(self._each(MEET_VALUES, lambda i: [there[i]], level)["spread_links"], self._parts)

    def _near(self, links: list[list[Segment]]) -> tuple[list[list[Segment]], list[Segment]]:
        """(which documents are compared, by group; the edges that were found)."""
        sent = self._each(SEND_BANDS, lambda i: [*self._groups[i].read, links[i]])
        there = arriving(sent["spread_bands"], self._parts)
        met = self._each(MEET_BANDS, lambda i: [there[i]])
        wanted, found = (arriving(met[name], self._parts) for name in ("spread_wanted", "spread_buckets"))
        shown = self._each(SEND_EVIDENCE, lambda i: [*self._groups[i].read, self._groups[i].texts, wanted[i]])
        evidence = arriving(shown["spread_evidence"], self._parts)
        return wanted, self._each(VERIFY, lambda i: [found[i], evidence[i]])["spread_edges"]

    def _connected(self, edges: list[Segment]) -> list[Segment]:
        """The labels of all documents in clusters of two or more. Errors: GristmillError after ROUNDS rounds."""
        parts = 1 + sum(segment.rows for segment in edges) // PART_EDGES
        before: list[str] = []
        for turn in range(ROUNDS):
            jobs = [
                Job(
                    name=f"round {turn:02d} {i:04d}", inputs=(edges,), params=replace(self._share, index=i, parts=parts)
                )
                for i in range(parts)
            ]
            edges = self._stage.reduce_all(JOIN, jobs)["spread_labels"]
            digests = [segment.logical for segment in edges]
            if digests == before:
                return edges
            before = digests
        raise GristmillError(
            f"{ROUNDS} rounds did not connect the clusters of dedup; report it, with `gristmill why dedup`"
        )

    def _settled(
        self, wanted: list[list[Segment]], labels: list[Segment], links: list[list[Segment]], later: bool
    ) -> dict[str, list[Segment]]:
        groups = self._groups
        went = self._each(SEND_MEMBERS, lambda i: [*groups[i].read, groups[i].texts, wanted[i], labels, links[i]])
        members = arriving(went["spread_members"], self._parts)
        settled = self._each(SETTLE, lambda i: [members[i]])
        home = arriving(settled["spread_settled"], self._parts)
        done = self._each(FINISH_FIRST if later else FINISH, lambda i: [*groups[i].read, home[i]])
        inputs = self._tables.verdicts, self._tables.texts, done["spread_outcomes"], settled["spread_sizes"]
        self._stage.reduce_all(GUARD, [Job(name="guard", inputs=inputs, params=self._params.guards)])
        return done

    def _each(self, operator: Operator, inputs, level: str = "") -> dict[str, list[Segment]]:  # type: ignore[no-untyped-def]
        """One action per partition."""
        if operator in (SEND_EVIDENCE, SEND_MEMBERS):  # they cut texts into shingles
            operator = replace(operator, libraries=self._params.shingling.libraries)
        return self._stage.reduce_all(
            operator,
            [
                Job(
                    name=f"{level} {i:04d}".strip(), inputs=tuple(inputs(i)),
                    params=replace(self._share, index=i, level=level),
                )
                for i in range(self._parts)
            ],
        )  # fmt: skip
