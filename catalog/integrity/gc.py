"""Garbage: what no kept version needs, what freeing it gives, and what building it again would cost.

Reads   what is reachable (catalog/integrity/reachable.py), listings, manifests, DVC's run cache, the journal
Writes  nothing until `remove`, which holds the locks of every stage and of DVC, and looks again before it deletes
A result that is freed is a miss for the next build, never a wrong answer: the bytes go, and what names them goes first.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from catalog.incremental.journal import Rate, measured_rates
from catalog.integrity.copies import manifest_rows
from catalog.integrity.reachable import reachable
from catalog.integrity.references import BROKEN, LISTING, LOADER, Out, files_in, node_outs
from catalog.integrity.remotes import Place, Stores
from catalog.layout import BUILDING, MANIFEST, OBJECTS, TRACES
from catalog.schema import STAGES

OID = re.compile(r"[0-9a-f]{32}(\.dir)?")
OURS = re.compile(r"[0-9a-f]{64}\.(?P<md5>[0-9a-f]{32})")
LOCK = Path("dvc.lock")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What building freed results again would take; `seconds` is None where none was measured here."""

    operator: str
    actions: int
    rows: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Freed:
    """One file that can go: `place` says what it was for."""

    path: Path
    place: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What can be freed."""

    kept: str
    files: list[Freed]
    costs: list[Cost]
    notices: list[str]

    def text(self) -> str:
        """What is kept, what would be freed, and what that would cost."""
        lines = [*(f"note: {notice}" for notice in self.notices), f"kept: {self.kept}"]
        if not self.files:
            return "\n".join([*lines, "nothing to free"])
        places = dict.fromkeys(file.place for file in self.files)
        rows = [(place, [file.bytes for file in self.files if file.place == place]) for place in places]
        rows.append(("together", [file.bytes for file in self.files]))
        lines += ["to free:", *(f"  {place:<34}{len(sizes):>9,} {sum(sizes):>15,} bytes" for place, sizes in rows)]
        lines += ["to build these versions again:"] if self.costs else []
        return "\n".join([*lines, *map(_line, self.costs)])


def _line(cost: Cost) -> str:
    about = "not measured here" if cost.seconds is None else f"about {cost.seconds:,.1f} CPU-s"
    return f"  {cost.operator:<34}{cost.actions:>9,} actions{cost.rows:>12,} rows  {about}"


def garbage(keep_last: int) -> Garbage:
    """What no kept version needs. Errors: GristmillError where what is needed cannot be known in full."""
    with Stores() as stores:
        return _garbage(stores, keep_last)


def remove(shown: Garbage, keep_last: int) -> str:
    """Free what was shown and is still not needed; says what was freed.

    Errors: BusyError while a stage or another DVC command runs.
    """
    with Stores() as stores, stores.no_builds():
        still = {file.path for file in _garbage(stores, keep_last).files}
        files = [file for file in shown.files if file.path in still]
        for file in files:
            if file.path.is_dir():
                shutil.rmtree(file.path, ignore_errors=True)
            file.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # its folder holds others
                file.path.parent.rmdir()
    return f"freed {len(files):,} files, {sum(file.bytes for file in files):,} bytes"


def _garbage(stores: Stores, keep_last: int) -> Garbage:
    kept = reachable(stores, keep_last)
    dead = {oid: path for oid, path in objects_in(stores.folder) if oid not in kept.objects}
    runs = list(run_cache(stores.folder))
    outs = dict.fromkeys([*kept.known, *(out for _, named in runs for out in named)])
    listings = {out: _files(out, stores.cache) for out in outs}
    versioned = {oid for out, files in listings.items() for oid in (out.oid, *files.values())}
    # In the order of removal: whatever names an object goes before it, so that a crash leaves nothing half.
    files = [
        *(_freed(path, "DVC's run cache") for path, named in runs if any(out.oid in dead for out in named)),
        *_dead_objects(dead, listings),
        *(_freed(path, str(OBJECTS)) for path in _own_objects(kept.objects, versioned, dead)),
        *(_freed(path, str(BUILDING)) for path in BUILDING.glob("*/*") if _is_old(path)),
        *(_freed(path, str(TRACES)) for path in TRACES.glob("*.jsonl") if path.stem not in STAGES),
    ]
    costs = _costs([files for out, files in listings.items() if out.oid in dead], dead, stores.cache)
    return Garbage(kept=kept.text, files=_once(files), costs=costs, notices=kept.notices)


def _freed(path: Path, place: str) -> Freed:
    parts = [path, *path.rglob("*")] if path.is_dir() else [path]
    return Freed(path=path, place=place, bytes=sum(part.lstat().st_size for part in parts if part.is_file()))


def _once(files: list[Freed]) -> list[Freed]:
    """The same, with the bytes of files that are links of each other counted once, and where no other link is left."""
    states = {file.path: file.path.lstat() for file in files if file.path.is_file()}
    going = Counter(state.st_ino for state in states.values())
    found = []
    for file in files:
        state = states.get(file.path)
        shared = state is not None and going[state.st_ino] < state.st_nlink
        found.append(replace(file, bytes=0) if shared else file)
        if state is not None:
            going[state.st_ino] = 0
    return found


def objects_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every object of DVC's cache."""
    for path in sorted(folder.glob("??/*")):
        oid = f"{path.parent.name}{path.name}"
        if OID.fullmatch(oid):
            yield oid, path


def run_cache(folder: Path) -> Iterator[tuple[Path, list[Out]]]:
    """Each entry of DVC's run cache, and the outputs it would restore."""
    for path in sorted((folder.parent.parent / "runs").glob("*/*/*")):
        try:
            entry = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
            yield path, list(node_outs("", entry, Path()))
        except (OSError, *BROKEN):
            continue


def _files(out: Out, cache: Place) -> dict[str, str]:
    """Path -> object of a listing; none where it is not here, or broken."""
    try:
        return files_in(Path(cache.path(out.oid)).read_bytes()) if out.folder else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _dead_objects(dead: Mapping[str, Path], listings: Mapping[Out, Mapping[str, str]]) -> Iterator[Freed]:
    """The objects to free, listings first, each with the stage whose versions had it."""
    stages = {out.path: out.stage for out in listings if out.stage}
    owners: dict[str, str] = {}
    for out, files in listings.items():
        for oid in (out.oid, *files.values()):
            owners.setdefault(oid, stages.get(out.path, out.path))
    for oid in sorted(dead, key=lambda oid: (not oid.endswith(LISTING), owners.get(oid, ""), oid)):
        yield _freed(dead[oid], f"DVC's cache, {owners.get(oid, 'of no known version')}")


def _own_objects(kept: set[str], versioned: set[str], dead: Mapping[str, Path]) -> Iterator[Path]:
    """Our objects that no kept version needs, nor data/ links to, nor a build that did not end left behind."""
    for path in sorted(OBJECTS.glob("*")):
        name = OURS.fullmatch(path.name)
        if name is None or name["md5"] in kept:
            continue
        theirs = dead.get(name["md5"])
        links = path.stat().st_nlink - bool(theirs and theirs.samefile(path))  # DVC's link goes too
        if links == 1 and (name["md5"] in versioned or _is_old(path)):
            yield path


def _is_old(path: Path) -> bool:
    """Is it older than the last stage that ended? Else a build that was interrupted goes on from it."""
    parts = [path, *path.rglob("*")] if path.is_dir() else [path]
    return not LOCK.exists() or max(part.stat().st_ctime for part in parts) < LOCK.stat().st_mtime


def _costs(listings: Iterable[Mapping[str, str]], dead: Mapping[str, Path], cache: Place) -> list[Cost]:
    """By operator: the results with a freed file, as the manifests of freed versions tell."""
    rows: Counter[tuple[str, str]] = Counter()
    gone: set[tuple[str, str]] = set()
    for manifest in {files[MANIFEST] for files in listings if MANIFEST in files}:
        entries = manifest_rows(Path(cache.path(manifest)), "operator", "fingerprint", "md5", "rows")
        actions = [(str(entry["operator"]), str(entry["fingerprint"])) for entry in entries]
        gone |= {action for action, entry in zip(actions, entries, strict=True) if entry["md5"] in dead}
        counted: Counter[tuple[str, str]] = Counter()
        for action, entry in zip(actions, entries, strict=True):
            counted[action] += int(str(entry["rows"]))
        rows |= counted
    by_operator: defaultdict[str, list[int]] = defaultdict(list)
    for action in gone:
        by_operator[action[0]].append(rows[action])
    rates = measured_rates()
    return [
        Cost(operator=name, actions=len(counts), rows=sum(counts), seconds=_times(rates.get(name), counts))
        for name, counts in sorted(by_operator.items())
    ]


def _times(rate: Rate | None, rows: Iterable[int]) -> float | None:
    return None if rate is None else rate.produced * sum(max(count, 1) for count in rows)
