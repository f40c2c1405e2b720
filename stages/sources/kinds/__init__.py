"""The kinds of source: for each, its record of settings, its operator, and the actions that one source needs.

A kind is a module of this package that defines one `Kind`; stages/crawl.py lists them. What a kind reads stands in
modules that its `run` imports, so that a change in one kind re-reads no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.digests import digest_of
from catalog.erasure.forget import Tombstones
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from stages.sources.log import CrawlLog
from stages.sources.settings.archive import Pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the actions of a source may depend on, besides its settings.

    `as_of` is the time the corpus is built for, ISO 8601; None = now.
    """

    stage: Stage
    log: CrawlLog
    tombstones: Tombstones
    as_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the network is asked again: `due` asks only for what the schedule says is due."""

    log: CrawlLog
    tombstones: Tombstones
    due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of source.

    `record`   the settings of such a source (stages/sources/settings/)
    `operator` reads one action of it;  `before` are operators by which `actions` finds out what there is to read
    `actions`  source, run -> its actions; asks the network where the crawl log has nothing of the source yet
    `ask`      source, asking -> None: asks the network again and adds the answers to the log; None = is never asked
    `asks`     source -> can this one be asked?
    `pinned`   source -> the archive it reads, if any;  `paths` -> the paths in the repository it reads
    """

    record: type[Any]
    operator: Operator
    actions: Callable[[Any, Run], list[Action]]
    ask: Callable[[Any, Asking], None] | None = None
    before: tuple[Operator, ...] = ()
    asks: Callable[[Any], bool] = lambda source: True
    pinned: Callable[[Any], Pinned | None] = lambda source: None
    paths: Callable[[Any], tuple[str, ...]] = lambda source: ()


def some(*paths: str | None) -> tuple[str, ...]:
    """The paths that are given."""
    return tuple(path for path in paths if path)


def forgetting(ids: list[str]) -> dict[str, str]:
    """The input that says which documents an action leaves out; none where it leaves out none."""
    return {"tombstones": digest_of(ids)} if ids else {}
