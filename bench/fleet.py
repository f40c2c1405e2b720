"""fleet: what 1 billion and 100 billion documents would take on a cluster, from what the corpus built here took.

Run in the root of a built project. Seconds of every action come from its journal, bytes read and written from its
manifests; the cost of handing an action over is measured on the spot, the memory of the global step by `scale`. What
each stage would take on a number of machines is then simulated: actions of measured lengths, drawn by a seed, are
handed out one after the other to the first core that is free. The clustering of `dedup` is spread over PARTITIONS
(costs of the bench `spread`), as many of them at once as the memory of the machines holds. FLEETS, MACHINE and
PARTITIONS are assumptions, not measurements. docs/scale.md has the figures.

    documents, machines      the plan
    hours                    of the stages one after the other, the clustering last; null where it does not fit
    cpu_hours, cost          the work itself; `hours` of all machines at the assumed price
    moved_tb, kept_tb        read and written by workers over the network; what the tables take
    handing_hours            that the one driver needs to hand out and record the actions
    global_hours             the clustering of `dedup`, spread
    global_gb, global_moved_tb   memory of one of its actions; what they read and write
    one_hours, one_tb        the same as one action on one core, and its memory
"""

from __future__ import annotations

import contextlib
import heapq
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench import spread
from bench.scale import DOCUMENTS, LOOK, dedup_memory
from catalog.errors import InputError
from catalog.execution.action import Task
from catalog.execution.remote import order
from catalog.incremental.journal import Journal
from catalog.layout import MANIFEST, stage_root
from catalog.segments import Entry, Segment, read_manifest

STAGES = ("crawl", "clean", "dedup", "tokenize")
GLOBAL = "dedup.cluster"
CONSTANT = ("tokenize.train", "tokenize.export")  # of a sample, whatever the size of the corpus
FLEETS = {10**9: 20, 10**11: 500}  # documents -> machines
PARTITIONS = 64  # of the clustering; an exchange among them is 4,096 files
SAMPLED = 200_000  # actions simulated of an operator at most; more behave alike
CORE_US = 92.3  # of Gristmill's own steps per segment file (docs/scale.md)


class Machine(NamedTuple):
    """What is assumed of one."""

    cores: int = 64
    memory: float = 256e9
    bytes_per_second: float = 25e9 / 8
    price: float = 3.0  # an hour


MACHINE = Machine()


@dataclass
class Unit:
    """What an operator took here: seconds of each action, bytes of all."""

    seconds: list[float] = field(default_factory=list)
    read: int = 0
    written: int = 0


def run(quick: bool) -> dict[str, Any]:
    """The plans by number of documents, and what they follow from."""
    documents, units = measured()
    handing = handing_seconds(200 if quick else 2000) + CORE_US / 1e6
    memory = dedup_memory(quick)
    clustering = clustered(quick)
    return {
        "measured_documents": documents,
        "cpu_ms_per_document": round(sum(sum(unit.seconds) for unit in units.values()) / documents * 1e3, 2),
        "handing_us": round(handing * 1e6),
        "global_bytes_per_document": round(memory),
        "spread": clustering._asdict(),
        "operators": {
            name: {
                "ms": round(sum(unit.seconds) / documents * 1e3, 3), "read": round(unit.read / documents),
                "written": round(unit.written / documents),
            }
            for name, unit in units.items()
        },
        "plans": [
            plan(wanted, machines, documents, units, handing, memory, clustering)
            for wanted, machines in FLEETS.items()
        ],
    }  # fmt: skip


class Spread(NamedTuple):
    """What the clustering takes when it is spread, per document of the corpus; memory per document of a partition."""

    seconds: float
    moved: float
    memory: float

    def hours(self, wanted: int, machines: int) -> float | None:
        """Of all its actions on the cores that have the memory for them; None where a machine holds not one."""
        at_once = min(PARTITIONS, machines * int(MACHINE.memory // (self.memory * wanted / PARTITIONS)))
        if not at_once:
            return None
        network = self.moved * wanted / (min(machines, PARTITIONS) * MACHINE.bytes_per_second)
        return max(self.seconds * wanted / at_once, network) / 3600


def clustered(quick: bool) -> Spread:
    """What the bench `spread` measures."""
    found = spread.run(quick)
    return Spread(
        seconds=found["cpu_s"] / 1e6, moved=found["read"] + found["written"],
        memory=found["peak_mb"] * 2**20 / found["partition"],
    )  # fmt: skip


def measured() -> tuple[int, dict[str, Unit]]:
    """Documents of the corpus built here, and what each operator of its text took. Errors: InputError."""
    entries = {stage: _entries(stage) for stage in STAGES}
    sizes = {entry.logical: entry.bytes for found in entries.values() for entry in found}
    units: dict[str, Unit] = defaultdict(Unit)
    with contextlib.closing(Journal()) as journal:
        for entry in (entry for found in entries.values() for entry in found):
            units[entry.operator].written += entry.bytes
            if entry.part == 0:
                result = journal.find([entry.fingerprint]).get(entry.fingerprint)
                units[entry.operator].seconds.append((result and result.seconds) or 0.0)
                units[entry.operator].read += sum(sizes.get(name, 0) for name in _read(entry))
    documents = sum(entry.rows for entry in entries["crawl"] if entry.table == "captures")
    return documents, {name: unit for name, unit in units.items() if name not in CONSTANT}


def _entries(stage: str) -> list[Entry]:
    path = stage_root(stage) / MANIFEST
    if not path.exists():
        raise InputError(f"{path} is missing; run `dvc repro` first: the plan follows from what a build took")
    return read_manifest(path)


def _read(entry: Entry) -> Iterator[str]:
    """Logical digests of the segments that an action read."""
    for value in json.loads(entry.inputs or "{}").values():
        for name in [value] if isinstance(value, str) else value:
            yield name.rpartition(":")[2]


def handing_seconds(count: int) -> float:
    """CPU seconds to make one action ready to be sent to a worker."""
    segment = Segment(
        stage="crawl", path=Path("none"), table="captures", key="k" * 32, rows=DOCUMENTS, bytes=1, sha256="0" * 64,
        md5="0" * 32, logical="0" * 64,
    )  # fmt: skip
    task = Task(
        stage="clean", operator=LOOK, shape="map", label="k", fingerprint="0" * 64, args=(segment,), params=None
    )
    before = time.process_time()
    for _ in range(count):
        order(task, None)
    return (time.process_time() - before) / count


def plan(
    wanted: int, machines: int, documents: int, units: dict[str, Unit], handing: float, memory: float, spread: Spread
) -> dict[str, float | None]:
    """What a corpus of `wanted` documents would take."""
    scale = wanted / documents
    maps = {name: unit for name, unit in units.items() if name != GLOBAL}
    moved = sum(unit.read + unit.written for unit in maps.values()) * scale
    hours = sum(_stage_hours(unit, wanted, machines, scale, handing) for unit in maps.values())
    clustering = spread.hours(wanted, machines)
    cpu = sum(sum(unit.seconds) for unit in maps.values()) * scale + spread.seconds * wanted
    return {
        "documents": wanted,
        "machines": machines,
        "hours": None if clustering is None else round(hours + clustering, 1),
        "maps_hours": round(hours, 1),
        "cpu_hours": round(cpu / 3600),
        "cost": round((hours + (clustering or 0.0)) * machines * MACHINE.price),
        "moved_tb": round(moved / 1e12, 1),
        "kept_tb": round(sum(unit.written for unit in units.values()) * scale / 1e12, 1),
        "handing_hours": round(len(maps) * wanted / DOCUMENTS * handing / 3600, 2),
        "global_hours": None if clustering is None else round(clustering, 2),
        "global_gb": round(spread.memory * wanted / PARTITIONS / 1e9, 1),
        "global_moved_tb": round(spread.moved * wanted / 1e12, 1),
        "one_hours": round(sum(units[GLOBAL].seconds) * scale / 3600, 1) if GLOBAL in units else 0.0,
        "one_tb": round(memory * wanted / 1e12, 2),
    }


def _stage_hours(unit: Unit, wanted: int, machines: int, scale: float, handing: float) -> float:
    """Of one operator over all segments: the slower of its computing and its network."""
    actions = max(1, wanted // DOCUMENTS)
    sampled = min(actions, SAMPLED)
    longer = sum(unit.seconds) * scale / actions / (sum(unit.seconds) / len(unit.seconds) or 1.0)
    drawn = random.Random(0).choices(unit.seconds, k=sampled)
    computing = makespan([one * longer for one in drawn], machines * MACHINE.cores, handing) * actions / sampled
    network = (unit.read + unit.written) * scale / (machines * MACHINE.bytes_per_second)
    return max(computing, network) / 3600


def makespan(seconds: Sequence[float], cores: int, handing: float) -> float:
    """Seconds until the last action has ended; they are handed out `handing` apart, to the first free core."""
    free = [0.0] * min(cores, len(seconds))
    for number, length in enumerate(seconds):
        heapq.heapreplace(free, max(free[0], number * handing) + length)
    return max(free)
