"""soak: everything at once, for half an hour, while the machine fails: is anything lost, wrong or left behind?

A project of made-up pages is built, edited, forgotten from, queried, shown by an explorer that runs all the time, and
pushed to a folder, by three threads, while faults come (bench/support/faults.py). At the end the cache is mended, the
project built, and a copy of its inputs built from nothing beside it.

    minutes        of the load, without the first build and the last checks
    faults         how many of each kind struck
    builds         that ended well; `refused` are those and other commands that ended with an error, by what it was
    queries        answered by SQL and by the explorer
    lost           documents that some stage does not account for, and problems of `gristmill verify`
    equal_clean    are the digests of all outputs those of the build from nothing?
    fd_leak        files that the explorer holds at the end beyond those after its first pages
    rss_growth_mb  what it grew by, likewise; `temp_files` are those that it left
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.smoke import sql
from bench.support.faults import Faults
from bench.support.project import Project
from bench.support.soaked import Explorer, Tally, clean_digests, digests, edit, made_up_pages, pushing

MINUTES, QUICK = 30.0, 3.0
PAGES = 120
SEED = 7


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    with tempfile.TemporaryDirectory(prefix="gristmill-soak-") as home:
        return soaked(Project(Path(home), made_up_pages(PAGES)), Path(home), QUICK if quick else MINUTES)


def soaked(project: Project, home: Path, minutes: float) -> dict[str, Any]:
    """Build, then load and faults for so many minutes, then the checks."""
    project.build()
    project.commit()
    tally, end = Tally(), threading.Event()
    with Explorer(project, home / "temporary") as explorer:
        explorer.settle()
        start = time.monotonic()
        work = [
            threading.Thread(target=building, args=(project, tally, end)),
            threading.Thread(target=explorer.browse, args=(tally, end)),
            threading.Thread(target=pushing, args=(project, tally, end)),
        ]
        for thread in work:
            thread.start()
        end.wait(minutes * 60)
        end.set()
        for thread in work:
            thread.join()
        passed = (time.monotonic() - start) / 60
        held = explorer.growth()
    return {"minutes": round(passed, 1), **tally.plain(), **_ended(project, home, tally), **held}


def building(project: Project, tally: Tally, end: threading.Event) -> None:
    """Edits and builds, each build with a fault or without, until the end."""
    draws = random.Random(SEED)
    faults = Faults(project, tally, draws)
    while not end.is_set():
        edit(project, draws, tally)
        faults.build()


def _ended(project: Project, home: Path, tally: Tally) -> dict[str, Any]:
    """Mended, built, verified, and held against a build from nothing."""
    faults = Faults(project, tally, random.Random(SEED))
    faults.mend()
    project.build()
    rows = sql(project.folder, "SELECT rows_in - kept - dropped - quarantined AS lost FROM conservation")
    wrong = [line for line in faults.command("catalog", "verify")[1].splitlines() if "WRONG" in line]
    clean = clean_digests(project, home / "clean")
    return {"lost": sum(abs(row["lost"]) for row in rows) + len(wrong), "equal_clean": digests(project.folder) == clean}
