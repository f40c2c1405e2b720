"""incremental: what a change costs, against a clean build in the same run, on real HTML pages of 20 languages.

A temporary project holds the repository's stages up to the catalog, without those that train, and the pages of
bench/support/debian.py in Parquet files of 1,000 (a tenth is held back to be appended). Each change is made, built with
`dvc repro`, measured, undone, built and measured again. All figures are CPU seconds of all processes together.

    fixed_cpu_s      one edited document: DVC, process starts, manifests, the global steps, its segments
    marginal_*       (cost of 10 % changed - cost of 1 % changed) / documents between, over the clean build's per page
    append ...       cost of the change / cost of the clean build; 1 % of the pages where it is about pages
    revert           the same for the dearest of the reverts
    push_bytes       what `dvc push` sends after 1 % was appended / bytes of the corpus
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.support.debian import Page, pages
from bench.support.project import Built, Project, ranked

QUICK = 3000  # pages
HELD_BACK = 10  # one page in so many is not in the first build
LOOKS = ("clean.extract", "clean.measure", "dedup.sign")  # operators that a change of opinion must not run

Change = Callable[[Project], None]


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module, and under `detail` those of every build."""
    found = pages(QUICK if quick else None)
    later = ranked(found, "later")[: len(found) // HELD_BACK]
    held = dict(page for page in found if page[0] in set(later))
    with tempfile.TemporaryDirectory(prefix="gristmill-incremental-") as folder:
        project = Project(Path(folder), [page for page in found if page[0] not in held])
        return _figures(project, _measure(project, [(path, held[path]) for path in later]))


def _measure(project: Project, added: list[Page]) -> dict[str, Built]:
    """Every build, by name; `name-back` is the revert of `name`."""
    builds = {"clean": project.build(), "noop": project.build()}
    project.push()
    for name, change in _changes(project, added).items():
        change(project)
        builds[name] = project.build()
        if name == "append":
            builds[name] = builds[name]._replace(pushed=project.push())
        _say(name, builds[name])
        project.undo()
        builds[f"{name}-back"] = project.build()
        _say(f"{name}-back", builds[f"{name}-back"])
        _check_opinions(name, builds)
    return builds


def _changes(project: Project, added: list[Page]) -> dict[str, Change]:
    one = project.count // 100
    return {
        "one": lambda p: p.edit_pages(1),
        "append": lambda p: p.append(added[:one]),
        "append-10": lambda p: p.append(added),
        "scattered": lambda p: p.edit_pages(one),
        "scattered-10": lambda p: p.edit_pages(10 * one),
        "delete": lambda p: p.delete_pages(one),
        "forget": lambda p: p.forget_page(),
        "threshold": lambda p: p.replace("params.yaml", "overrides: {}", "overrides: {prose.default.few_words: 40}"),
        "signal": lambda p: p.replace("stages/text/signals/table.py", "\nwords      ", SIGNAL + "\nwords      "),
        "comment": lambda p: p.replace("stages/clean.py", "\nEXTRACT = ", "\n# A remark.\nEXTRACT = "),
        "label_function": lambda p: p.replace("stages/labels/functions/praises_en.py", '(("not", ', '(("nor", "not", '),
    }


SIGNAL = "\nwordy_fraction | word_characters | characters | characters in words / characters | bench"


def _check_opinions(name: str, builds: dict[str, Built]) -> None:
    """A threshold, a comment, and going back, never read a page again."""
    for build in (name, f"{name}-back") if name in ("threshold", "comment") else (f"{name}-back",):
        again = set(LOOKS) & builds[build].operators
        if again:
            raise SystemExit(f"{build} ran {', '.join(sorted(again))}")


def _figures(project: Project, builds: dict[str, Built]) -> dict[str, Any]:
    clean = builds["clean"].cpu
    per_page = clean / project.count
    backs = {name: built.cpu for name, built in builds.items() if name.endswith("-back")}

    def marginal(name: str) -> float:
        ten, one = builds[f"{name}-10"], builds[name]
        return round((ten.cpu - one.cpu) / (ten.documents - one.documents) / per_page, 2)

    ratios = ("append", "scattered", "delete", "forget", "threshold", "signal", "comment", "label_function")
    return {
        "pages": project.count,
        "clean_cpu_s": clean,
        "fixed_cpu_s": builds["one"].cpu,
        "noop_cpu_s": builds["noop"].cpu,
        "marginal_append": marginal("append"),
        "marginal_scattered": marginal("scattered"),
        **{name: round(builds[name].cpu / clean, 4) for name in ratios},
        "revert": round(max(backs.values()) / clean, 4),
        "push_bytes": round(builds["append"].pushed / project.corpus_bytes(), 4),
        "detail": {name: built.plain() for name, built in builds.items()},
    }


def _say(name: str, built: Built) -> None:
    print(f"{name:<20} {built.cpu:>8.2f} CPU-s  {built.documents:>6} documents  {built.segments:>5} segments",
          file=sys.stderr, flush=True)  # fmt: skip
