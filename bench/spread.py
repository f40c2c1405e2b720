"""spread: the clustering of `dedup` as many actions (stages/duplicates/spread/), on made-up documents in real files.

One document in ten is a near copy of another one. The corpus is clustered at two sizes with partitions of one size,
each action in a process of its own, and by the one action that it replaces, whose verdicts must be the same.
docs/scale.md has the figures.

    documents, partition     of the larger corpus; of an action
    cpu_s, one_cpu_s         CPU seconds per million documents, all actions; of the one action
    read, written            bytes per document, of all actions together; files are compressed
    peak_mb, one_mb          the most memory that an action took beyond that of an idle process; the one action
    growth                   peak_mb / that of a corpus of half the size: 1 where only the partition decides
    files                    segments that travelled, per partition
    equal                    are the verdicts those of the one action?
    operators                CPU seconds per million documents and the peak of each
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.support.alone import peak
from catalog.digests import logical_digest, sha256_of
from catalog.incremental.operators import Operator, resolve
from catalog.incremental.planning import Job
from catalog.parquet import conform, write_parquet
from catalog.segments import Segment
from stages.dedup import CLUSTER
from stages.duplicates.params import ClusterParams
from stages.duplicates.spread.rounds import Spreading, Tables
from stages.text.minhash.signing import SIGNATURES, SignParams, sign

SEGMENT = 5_000  # documents
WORDS = 120  # of a text
PARTITION = 50_000, 125_000  # documents, quick and whole
PARTS = 2, 4  # of the smaller and the larger corpus
READ = pa.schema([("id", pa.string()), ("title", pa.string()), ("text", pa.string())])


@dataclass
class Cost:
    """What the actions of one operator took."""

    cpu: float = 0.0
    peak: int = 0
    """Bytes beyond an idle process, of the action that took most."""
    read: int = 0
    written: int = 0
    files: int = 0


@dataclass
class Apart:
    """Reduces as a stage does them, each in a process of its own; files lie in `folder`."""

    folder: Path
    costs: dict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))

    def reduce_all(self, operator: Operator, jobs: Iterable[Job]) -> dict[str, list[Segment]]:
        """One after the other, so that each is measured alone."""
        found: dict[str, list[Segment]] = {name: [] for name in operator.writes}
        cost = self.costs[operator.name]
        for job in jobs:
            segments, cpu, peak = apart(partial(self._made, operator, job))
            for segment in segments:
                found[segment.table].append(segment)
            cost.cpu += cpu
            cost.peak = max(cost.peak, peak)
            cost.read += sum(segment.bytes for given in job.inputs for segment in given)
            cost.written += sum(segment.bytes for segment in segments)
            cost.files += len(segments)
        return found

    def _made(self, operator: Operator, job: Job) -> list[Segment]:
        folder = self.folder / operator.name / job.name.replace(" ", "-")
        return [
            written(folder, name, key, conform(rows, operator.writes[name], name))
            for name, key, rows in resolve(operator.reference)(*job.inputs, params=job.params)
        ]


def written(folder: Path, table: str, key: str, rows: pa.Table) -> Segment:
    """A segment of these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table}-{key}.parquet"
    write_parquet(rows, path)
    logical = logical_digest(rows)
    return Segment(
        stage="dedup", path=path, table=table, key=key, rows=rows.num_rows, bytes=path.stat().st_size, sha256=logical,
        md5=logical[:32], logical=logical,
    )  # fmt: skip


def apart(work: Callable[[], Any]) -> tuple[Any, float, int]:
    """(what `work` returns, its CPU seconds, bytes of its peak beyond the start) in a fork of this process."""
    context = get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_measured, args=(work, theirs))
    child.start()
    theirs.close()
    found = ours.recv()
    child.join()
    return found  # type: ignore[no-any-return]


def _measured(work: Callable[[], Any], to: Connection) -> None:
    base, before = peak(), time.process_time()
    found = work()
    to.send((found, time.process_time() - before, peak() - base))


def made_up(folder: Path, documents: int) -> Tables:
    """Signed texts of WORDS words; the first tenth of a segment has the texts of the next with a word more."""
    lists: dict[str, list[Segment]] = {"signatures": [], "verdicts": [], "texts": []}
    for number in range(documents // SEGMENT):
        texts = _texts(number)
        none = pa.nulls(texts.num_rows, pa.string())
        tables = {
            "signatures": sign(texts, SignParams())["signatures"].cast(SIGNATURES),
            "verdicts": pa.table({"id": texts["id"], "drop_reason": none}),
            "texts": conform(pa.table({"id": texts["id"], "title": none, "text": texts["text"]}), READ, "texts"),
        }
        for name, rows in tables.items():
            lists[name].append(written(folder / name, name, f"{number:06d}", rows))
    return Tables(**lists, addresses=[], folded=[], signals=[])


def _texts(number: int) -> pa.Table:
    words = np.random.default_rng(number).integers(0, 2**20, (SEGMENT, WORDS))
    tenth = SEGMENT // 10
    words[:tenth] = words[tenth : 2 * tenth]
    texts = [" ".join(f"{word:x}" for word in row) for row in words.tolist()]
    texts[:tenth] = [f"{text} again" for text in texts[:tenth]]
    ids = [sha256_of(f"{number}.{place}")[:32] for place in range(SEGMENT)]
    return pa.table(
        {
            "id": ids, "source": ["made-up"] * SEGMENT, "text": texts,
            "text_digest": [sha256_of(text) for text in texts],
        }
    )  # fmt: skip


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    partition = PARTITION[0] if quick else PARTITION[1]
    peaks = {}
    with tempfile.TemporaryDirectory(prefix="gristmill-spread-") as home:
        _spread(Path(home, "compiled"), made_up(Path(home, "few"), 2 * SEGMENT), SEGMENT)
        for parts in PARTS:
            tables = made_up(Path(home, f"made-{parts}"), parts * partition)
            stage, found = _spread(Path(home, f"spread-{parts}"), tables, partition)
            peaks[parts] = max(cost.peak for cost in stage.costs.values())
        one = Apart(Path(home, "one"))
        job = Job(name="one", inputs=tables.all, params=ClusterParams())
        expected = one.reduce_all(CLUSTER, [job])["verdicts"]
    documents = PARTS[-1] * partition
    million, costs = documents / 1e6, stage.costs
    return {
        "documents": documents,
        "partition": partition,
        "cpu_s": round(sum(cost.cpu for cost in costs.values()) / million, 1),
        "one_cpu_s": round(one.costs[CLUSTER.name].cpu / million, 1),
        "read": round(sum(cost.read for cost in costs.values()) / documents),
        "written": round(sum(cost.written for cost in costs.values()) / documents),
        "peak_mb": peaks[PARTS[-1]] >> 20,
        "one_mb": one.costs[CLUSTER.name].peak >> 20,
        "growth": round(peaks[PARTS[-1]] / peaks[PARTS[0]], 2),
        "files": round(sum(cost.files for cost in costs.values()) / PARTS[-1]),
        "equal": [segment.logical for segment in found] == [segment.logical for segment in expected],
        "operators": {
            name: {"cpu_s": round(cost.cpu / million, 2), "peak_mb": cost.peak >> 20}
            for name, cost in costs.items()
        },
    }  # fmt: skip


def _spread(folder: Path, tables: Tables, partition: int) -> tuple[Apart, list[Segment]]:
    stage = Apart(folder)
    return stage, Spreading(stage, tables, ClusterParams(), partition).run(later=False)["verdicts"]
