"""scale: the core without the work: manifests, journal, fingerprints and files of corpora up to 100 million documents.

No text is made. Segments of 2,000 documents exist as manifest rows, journal records and small files; each step of a run
that finds everything fresh is timed on them at growing sizes, with the real code; so is DVC on an output of many
files. The global step of `dedup` runs on random signatures, one document in ten a twin. docs/scale.md has the figures.

    *_us      CPU microseconds per segment file, at the largest size; run_us is the sum of Gristmill's own steps
    growth    run_us over that at a tenth of the size; 1.0 is linear
    dvc_us    CPU microseconds of DVC per file of an output that changed in one file
    dedup_*   CPU seconds per million documents, and bytes of memory per document
    wall_documents   documents at which this machine's memory holds the global step no longer
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import psutil
import pyarrow as pa

from bench.support import cpu
from bench.support.alone import alone, peak
from catalog import schema
from catalog.digests import sha256_of
from catalog.execution.local import LocalExecutor
from catalog.incremental.builder import Builder
from catalog.incremental.journal import Journal, Output, Result
from catalog.incremental.operators import Operator
from catalog.incremental.planning import Planner
from catalog.incremental.reuse import Previous
from catalog.incremental.store import Store, seal
from catalog.layout import MANIFEST, OBJECTS
from catalog.monitoring.figures import Figures
from catalog.segments import Entry, Segment, read_manifest, write_manifest
from stages.duplicates.clustering import ClusterParams, cluster

DOCUMENTS = 2000  # per segment
SIZES = (500, 5_000, 50_000)  # segments: 1, 10 and 100 million documents
SIGNED = (100_000, 500_000)  # documents of the global step
FILES = (1_000, 10_000)  # of an output of DVC
PERMUTATIONS = 112

Timings = dict[str, float]
Found = TypeVar("Found")


def look(rows: pa.Table) -> dict[str, pa.Table]:
    """An operator that is never run: every result is found."""
    raise AssertionError("a fresh action was computed")


LOOK = Operator(name="look", run=look, writes={"verdicts": schema.VERDICTS})


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module, and every timing under `detail`."""
    sizes, signed = (SIZES[:2], SIGNED[0]) if quick else (SIZES, SIGNED[1])
    timings = {size: _in_folder(_core, size) for size in sizes}
    few, many = (_in_folder(_dvc, count) for count in FILES)
    dedup = alone(_global, signed)
    steps = {name: value for name, value in timings[sizes[-1]].items() if name != "bytes"}
    before = sum(value for name, value in timings[sizes[-2]].items() if name != "bytes")
    per_segment = sum(steps.values()) / sizes[-1]
    return {
        "segments": sizes[-1],
        "documents": sizes[-1] * DOCUMENTS,
        **{f"{name}_us": round(value / sizes[-1] * 1e6, 1) for name, value in steps.items()},
        "run_us": round(per_segment * 1e6, 1),
        "growth": round(per_segment / (before / sizes[-2]), 2),
        "bytes_per_segment": round(timings[sizes[-1]]["bytes"] / sizes[-1]),
        "dvc_us": round((many - few) / (FILES[1] - FILES[0]) * 1e6, 1),
        "dedup_cpu_s_per_million": round(dedup["cpu"] / signed * 1e6, 1),
        "dedup_bytes_per_document": round(dedup["bytes"]),
        "wall_documents": int(psutil.virtual_memory().total / dedup["bytes"]),
        "detail": {str(size): {name: round(v, 3) for name, v in found.items()} for size, found in timings.items()},
    }


def _in_folder(measure: Callable[[int], Found], size: int) -> Found:
    """Measure in an empty project of its own."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="gristmill-scale-") as folder:
        os.chdir(folder)
        try:
            return measure(size)
        finally:
            os.chdir(home)


def _core(count: int) -> Timings:
    """CPU seconds of each step over `count` segments, and the bytes that the process grew by."""
    timings: Timings = {}
    start = psutil.Process().memory_info().rss
    segments = _segments(count)
    planner = Planner("clean", LOOK, None)
    plans = _timed(timings, "plan", lambda: planner.map((segments,)))
    outputs = _objects(count)
    made = zip(plans, outputs, strict=True)
    results = [
        (plan.fingerprint, Result(operator=plan.operator, recipe=plan.recipe, inputs=plan.inputs, outputs=(output,)))
        for plan, output in made
    ]
    journal = Journal()
    _timed(timings, "record", lambda: journal.record(results, {planner.recipe: planner.definition}))
    journal.close()
    builder = Builder("clean", Path("data/clean"), LocalExecutor([LOOK]), Figures("clean", None))
    builder.recipes[planner.recipe] = planner.definition
    entries = _timed(timings, "find_and_place", lambda: builder.run(plans))
    builder.close()
    path = Path("data/clean") / MANIFEST
    _timed(timings, "write_manifest", lambda: write_manifest(path, entries, builder.recipes))
    read: list[Entry] = _timed(timings, "read_manifest", lambda: read_manifest(path))
    _timed(timings, "compare", lambda: Previous(read).reason(plans[0], planner.definition))
    _timed(timings, "prune", Store().prune)
    timings["bytes"] = float(psutil.Process().memory_info().rss - start)
    return timings


def _timed(timings: Timings, name: str, work: Callable[[], Any]) -> Any:
    before = time.process_time()
    result = work()
    timings[name] = time.process_time() - before
    return result


def _segments(count: int) -> list[Segment]:
    """Segments of captures, as a manifest describes them; their files are not needed."""
    return [
        Segment(
            stage="crawl", path=Path("none"), table="captures", key=sha256_of(f"key {n}")[:32], rows=DOCUMENTS,
            bytes=16 << 20, sha256="", md5="", logical=sha256_of(f"rows {n}"),
        )
        for n in range(count)
    ]  # fmt: skip


def _objects(count: int) -> list[Output]:
    """A sealed object per result, of a few bytes: what is timed does not read them."""
    OBJECTS.mkdir(parents=True)
    found = []
    for number in range(count):
        sha256 = sha256_of(f"object {number}")
        output = Output("verdicts", None, None, DOCUMENTS, 2, sha256, sha256[:32], sha256)
        path = OBJECTS / f"{sha256}.{sha256[:32]}"
        path.write_bytes(b"{}")
        seal(path, sha256)
        found.append(output)
    return found


class Synthetic(NamedTuple):
    """One segment of a table of `dedup`'s input, made when it is read and not kept."""

    key: str
    table: str
    number: int

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows: random signatures; the first tenth repeats the signatures of the tenth after it."""
        first = self.number * DOCUMENTS
        ids = [sha256_of(f"id {n}")[:32] for n in range(first, first + DOCUMENTS)]
        if self.table == "verdicts":
            found = pa.table({"id": ids, "drop_reason": pa.nulls(DOCUMENTS, pa.string())})
        elif self.table == "text":
            found = pa.table({"id": ids, "text": [f"{name} " * 40 for name in ids]})
        else:
            found = self._signed(ids)
        return found.select(columns) if columns else found

    def _signed(self, ids: list[str]) -> pa.Table:
        matrix = np.random.default_rng(self.number).integers(0, 2**32, (DOCUMENTS, PERMUTATIONS), np.uint32)
        matrix[: DOCUMENTS // 10] = matrix[DOCUMENTS // 10 : DOCUMENTS // 5]
        return pa.table({
            "id": ids, "source": ["made-up"] * DOCUMENTS, "text_digest": [sha256_of(name) for name in ids],
            "characters": pa.array([1000] * DOCUMENTS, pa.int32()), "signature": [row.tobytes() for row in matrix],
        })  # fmt: skip


def _global(count: int) -> dict[str, float]:
    """CPU seconds and bytes, above those of 2,000 documents, that `dedup` needs to cluster `count` documents."""

    def cluster_first(documents: int) -> None:
        signed, verdicts, texts = [
            [Synthetic(str(n), table, n) for n in range(documents // DOCUMENTS)]
            for table in ("signatures", "verdicts", "text")
        ]
        for _ in cluster(signed, verdicts, texts, params=ClusterParams()):  # type: ignore[arg-type]
            pass

    cluster_first(DOCUMENTS)  # compiles
    base, before = peak(), time.process_time()
    cluster_first(count)
    spent = time.process_time() - before
    made = time.process_time()
    for n in range(count // DOCUMENTS):
        Synthetic(str(n), "signatures", n).read()
    spent -= 2 * (time.process_time() - made)  # the making of the rows, which `cluster` reads twice
    return {"cpu": spent, "bytes": (peak() - base) / count}


def dedup_memory(quick: bool) -> float:
    """Bytes per document that the global step of `dedup` holds."""
    return alone(_global, SIGNED[0] if quick else SIGNED[1])["bytes"]


def _dvc(count: int) -> float:
    """CPU seconds of `dvc repro` for a stage that changed one of `count` files, less those of its command."""
    folder = Path.cwd()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text('[core]\n analytics = false\n[cache]\n type = "hardlink,copy"\n')
    (folder / "objects").mkdir()
    for number in range(count):
        (folder / f"objects/{number}").write_text(str(number))
    (folder / "dvc.yaml").write_text("stages: {s: {cmd: cp -rl objects out, deps: [changed], outs: [out]}}")
    costs = []
    for version in ("one", "two"):
        (folder / "changed").write_text(version)
        (folder / "objects/0").unlink()
        (folder / "objects/0").write_text(version)
        costs.append(cpu.run([sys.executable, "-m", "dvc", "repro"], folder, environment).cpu)
    return costs[-1]
