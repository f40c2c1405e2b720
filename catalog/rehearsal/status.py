"""What the next `dvc repro` would compute, why, and how long it would take, said before anything runs.

Reads   DVC's own status (which stages it would start), the manifests of the last run, the journal; where a stage would
        start, or was built with other versions of its libraries, it rehearses (catalog/rehearsal/shadow.py)
Writes  nothing in the project but what the journal remembers

The first stage that has something to compute is told exactly. What follows depends on the bytes that come out, so of
the stages below it an upper bound is told (catalog/rehearsal/forecast.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from catalog.errors import GristmillError, OperatorError
from catalog.history.manifests import previous_manifest
from catalog.incremental.fingerprint import library_versions
from catalog.incremental.journal import Rate, measured_rates
from catalog.layout import MANIFEST, stage_root
from catalog.parquet import read_parquet
from catalog.rehearsal.forecast import Open, Size, size_of
from catalog.rehearsal.rehearsal import Look, Report, Request
from catalog.rehearsal.shadow import Rehearse, graph, shadow
from catalog.segments import Entry, recipes_of

Reason = tuple[int, str, str]  # actions, operator, why


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """One stage: the size of `all` of it, of what is `certain` to run, and of what may run besides (`possible`).

    `all` is empty where nothing changes in the stage or above it.
    """

    stage: str
    built: bool
    all: Size
    certain: Size
    possible: Size
    new: int
    """New segments that an upstream stage will hand down; their documents are not counted yet."""
    reasons: tuple[Reason, ...]
    starts: tuple[str, ...]
    """Why DVC would start it; empty where it would not."""
    waits_for: tuple[str, ...]
    problem: str
    """Why it cannot be planned; empty where it can."""
    unseen: bool
    """Is there something to compute that DVC does not know of, as after the upgrade of a library?"""


def project_status() -> list[StageStatus]:
    """The state of every stage of dvc.yaml, in order. Errors: GristmillError outside a project."""
    started = dvc_status()
    rates = measured_rates()
    with shadow() as rehearse:
        return list(Survey(rehearse, started, rates).stages())


def dvc_status() -> dict[str, tuple[str, ...]]:
    """Stage -> what changed in the eyes of DVC; of a project without DVC, every stage is new."""
    # here, because it takes a while
    from dvc.exceptions import DvcException, NotDvcRepoError  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    try:
        with Repo() as repo:
            said = repo.status()
    except NotDvcRepoError:
        return dict.fromkeys(graph(), ("not under DVC",))
    except DvcException as error:  # dvc.yaml is wrong, or another process holds DVC's lock
        raise GristmillError(f"DVC cannot tell its status: {error}; try `dvc status`") from None
    return {stage: tuple(_changes(parts)) for stage, parts in said.items()}


def _changes(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        for paths in part.values():
            for path, how in paths.items():
                yield f"{path} {how}" if isinstance(how, str) else f"{path} ({', '.join(how)})"


class Survey:
    """Goes down the graph, stage by stage."""

    def __init__(self, rehearse: Rehearse, started: Mapping[str, tuple[str, ...]], rates: Mapping[str, Rate]) -> None:
        self._rehearse, self._started, self._rates = rehearse, started, rates
        self._open = Open()
        self._unsure: set[str] = set()
        """Stages of which an action will or may run."""
        self._handed: set[str] = set()
        """Stages that will hand down other results than those of their last run."""

    def stages(self) -> Iterator[StageStatus]:
        """The status of each stage."""
        nodes = graph()
        for stage, node in nodes.items():
            above = tuple(name for name in nodes if name != stage and _reads(node, nodes[name]))
            status = self._status(stage, above)
            if not status.built or status.problem or status.reasons or status.possible.segments or status.new:
                self._unsure.add(stage)
            yield status

    def _status(self, stage: str, above: tuple[str, ...]) -> StageStatus:
        definitions = recipes_followed(stage)
        waits = tuple(name for name in above if name in self._unsure)
        asked = self._is_to_rehearse(stage, definitions, above) and bool(definitions or not waits)
        # where nothing changes here or above, nothing has to be read, and a large corpus is as quick as a small one
        manifest = previous_manifest(stage) if asked or self._unsure else []
        looks, problem = looks_of(manifest), ""
        if asked:
            report = self._rehearse(stage, Request())
            looks, problem = report.looks, _problem(report)
            if not problem and hands_on(report.looks, manifest):
                self._handed.add(stage)
        outlook = self._open.outlook(stage, looks)
        counted = Counter((look.operator, look.reason) for look in outlook.certain)
        return StageStatus(
            stage=stage,
            built=bool(definitions),
            all=size_of(looks, {}),
            certain=size_of(outlook.certain, self._rates),
            possible=size_of(outlook.possible, self._rates),
            new=outlook.new,
            reasons=tuple((count, *group) for group, count in counted.items()),
            starts=self._started.get(stage, ()),
            waits_for=waits,
            problem=problem,
            unseen=bool(counted) and stage not in self._started and self._handed.isdisjoint(above),
        )

    def _is_to_rehearse(self, stage: str, definitions: list[str], above: tuple[str, ...]) -> bool:
        return stage in self._started or not self._handed.isdisjoint(above) or other_libraries(definitions)


def _problem(report: Report) -> str:
    """Why a stage could not be planned to its end, unless what it would compute first explains it."""
    return "" if any(look.reason for look in report.looks) else report.error


def recipes_followed(stage: str) -> list[str]:
    """The definition of every recipe of a stage's last run; empty when it was never built."""
    path = stage_root(stage) / MANIFEST
    if not path.exists():
        return list(recipes_of(previous_manifest(stage)).values())
    return read_parquet(path, ["definition"])["definition"].drop_null().to_pylist()  # type: ignore[no-any-return]


def looks_of(manifest: list[Entry]) -> list[Look]:
    """The actions of a manifest, as found."""
    tables: dict[str, dict[str, None]] = {}
    manifest = [entry.made for entry in manifest]
    for entry in manifest:
        tables.setdefault(entry.operator, {})[entry.table] = None
    looks = []
    for (operator, action), group in groupby(manifest, key=lambda entry: (entry.operator, entry.action)):
        entries = list(group)
        look = Look(
            operator=operator, action=action, fingerprint=entries[0].fingerprint, rows=0, reason="",
            inputs=json.loads(entries[0].inputs or "{}"), writes=list(tables[operator]),
            outputs=[(entry.table, entry.key, entry.rows, entry.logical) for entry in entries],
        )  # fmt: skip
        looks.append(look)
    return looks


def hands_on(looks: list[Look], manifest: list[Entry]) -> bool:
    """Will results be handed down that are found, but are not those of the last run?"""
    before = {(entry.operator, entry.action): entry.fingerprint for entry in manifest}
    now = {(look.operator, look.action): look.fingerprint for look in looks if not look.reason}
    gone = before.keys() - {(look.operator, look.action) for look in looks}
    return bool(gone) or any(before.get(action) != fingerprint for action, fingerprint in now.items())


def other_libraries(definitions: list[str]) -> bool:
    """Was a stage built with other versions of its libraries than those installed?"""
    built = [json.loads(definition)["libraries"] for definition in definitions]
    try:
        return any(library_versions(tuple(name for name in was if name != "python")) != was for was in built)
    except OperatorError:  # one is not installed; the rehearsal says so
        return True


def _reads(node: Mapping[str, Any], maker: Mapping[str, Any]) -> bool:
    """Does a stage of dvc.yaml depend on an output of another one?"""
    outs = [out if isinstance(out, str) else next(iter(out)) for out in maker.get("outs", [])]
    return any(f"{dep}/".startswith(f"{out}/") for dep in node.get("deps", []) for out in outs)


def total(statuses: list[StageStatus]) -> tuple[Size, Size]:
    """(what is certain to run, what may run besides) of all stages."""
    certain, possible = Size(), Size()
    for status in statuses:
        certain, possible = certain + status.certain, possible + status.possible
    return certain, possible


def as_json(statuses: list[StageStatus]) -> Iterator[str]:
    """The status as JSON lines, one per stage."""
    yield from (json.dumps(asdict(status), ensure_ascii=False) for status in statuses)


def lines(statuses: list[StageStatus]) -> Iterator[str]:
    """The status as text, a line per stage and one per reason, the total last."""
    for status in statuses:
        yield f"{status.stage:<10} {_sentence(status)}"
        for count, operator, reason in status.reasons:
            yield f"{'':<12} {count} x {operator}: {reason}"
        if status.unseen:
            command = f"dvc repro --force --single-item {status.stage}"
            yield f"{'':<12} DVC does not see this; run `{command}`, then `dvc repro`"
    certain, possible = total(statuses)
    more = f"; at most {_amount(certain + possible)} with the stages that wait" if possible.segments else ""
    stopped = [status.stage for status in statuses if status.problem]
    if stopped:
        yield f"`dvc repro` would stop at {stopped[0]}"
    else:
        yield f"{'total':<10} {_amount(certain)}{more}" if certain.segments or more else "nothing would be computed"


def _sentence(status: StageStatus) -> str:
    if status.problem:
        return f"cannot be planned: {status.problem}"
    if not status.built and not status.reasons:
        return "not built" + _waits(status)
    if status.certain.segments:
        of = f"{status.certain.segments} of {status.all.segments} segments, "
        of += f"{status.certain.documents} of {status.all.documents} documents{_cost(status.certain)}"
        return of + _waits(status)
    if status.possible.segments or status.new:
        return f"fresh{_waits(status)}"
    return f"fresh; starts ({', '.join(status.starts)}) and finds every result" if status.starts else "fresh"


def _waits(status: StageStatus) -> str:
    """What a stage waits for, and what it may have to compute then."""
    if not status.waits_for:
        return ""
    most = [f"up to {_amount(status.possible)}"] if status.possible.segments else []
    most += [f"{status.new} new segment{'s' * (status.new > 1)}"] if status.new else []
    return f"; waits for {', '.join(status.waits_for)}{': ' if most else ''}{' and '.join(most)}"


def _amount(size: Size) -> str:
    return f"{size.segments} segments, {size.documents} documents{_cost(size)}"


def _cost(size: Size) -> str:
    return f", about {size.seconds:.3g} CPU-s" if size.seconds else ""
