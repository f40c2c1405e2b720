"""catalog: what a question costs at a million documents, and what building and updating the catalog cost.

A made-up corpus (bench/support/made_up.py) is written through the real stages' tables and manifests in a temporary
folder; then `python -m stages.catalog` and the first question build the catalog, a hundredth of the documents is
edited, and both run again. Questions are those of docs/queries.md, each asked five times by `catalog.sql.asking.query`,
from text to Arrow rows; pages are those of catalog/web/tour.py, each asked three times over HTTP.

    query_*_ms      over the questions, of the median of each
    page_p95_ms     over the pages, of the median of each
    build_ratio     CPU of building the catalog / of building the corpus, crawl to label, on 25,000 real reviews
                    (5,000 with --quick) of ../shared/data/imdb; null where they are missing
    update_ratio    CPU of updating the catalog / of building it, after 1 % of the documents changed, in one batch
    detail          CPU seconds; `scattered_ratio` is update_ratio with every hundredth document changed, so that every
                    segment of the catalog is written again
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import yaml

from bench.support import cpu
from bench.support.browsing import served

ROOT = Path(__file__).resolve().parents[1]
REVIEWS = ROOT / "../shared/data/imdb/unsup.jsonl.gz"
QUERIES = ROOT / "docs/queries.md"
CORPUS = ("crawl", "clean", "dedup", "label")
COLUMNS = {"id": "id", "text": "text"}
WARM = 50  # reviews that are built first, so that no kernel is compiled while it is timed


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    count, reviews = (200_000, 5_000) if quick else (1_000_000, 25_000)
    with tempfile.TemporaryDirectory(prefix="gristmill-catalog-") as folder:
        made = Path(folder) / "made-up"
        costs = _made_up(made, count)
        with chdir(made):
            asked, pages = _asked(), _pages()
        real = _real(Path(folder), reviews) if REVIEWS.exists() else {}
    return {
        "documents": count,
        "query_median_ms": round(statistics.median(asked.values()), 1),
        "query_p95_ms": _p95(list(asked.values())),
        "build_ratio": round(real["catalog"] / real["corpus"], 4) if real else None,
        "update_ratio": round(costs["batch"] / costs["build"], 4),
        "page_p95_ms": _p95(list(pages.values())),
        "detail": {
            "scattered_ratio": round(costs["scattered"] / costs["build"], 4), "cpu_s": costs, "reviews_cpu_s": real,
            "queries_ms": asked, "pages_ms": pages,
        },
    }  # fmt: skip


def _p95(values: list[float]) -> float:
    return round(sorted(values)[max(0, round(0.95 * len(values)) - 1)], 1)


def questions() -> list[str]:
    """The queries of docs/queries.md, in order."""
    return re.findall(r"```sql\n(.*?)\n```", QUERIES.read_text(encoding="utf-8"), re.DOTALL)


def _made_up(folder: Path, count: int) -> dict[str, float]:
    """CPU seconds of building the catalog of `count` documents, and of each update."""
    folder.mkdir()
    (folder / "params.yaml").touch()
    costs: dict[str, float] = {}
    for name, edits in (("build", []), ("again", []), ("batch", ["batch"]), ("scattered", ["batch", "scattered"])):
        cpu.run([sys.executable, "-m", "bench.support.made_up", str(count), *edits], folder, _environment())
        costs[name] = _catalogued(folder)
        _say(f"{name}: {costs[name]} CPU-s")
    return costs


def _catalogued(folder: Path) -> float:
    """CPU seconds of the stage and of the first question, which builds the database."""
    stage = cpu.run([sys.executable, "-m", "stages.catalog"], folder, _environment())
    first = cpu.run([sys.executable, "-m", "catalog", "sql", "SELECT 1"], folder, _environment())
    return round(stage.cpu + first.cpu, 2)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def _asked() -> dict[str, float]:
    """Milliseconds of each question."""
    from catalog.sql.asking import query

    return {sql: _median(lambda sql=sql: query(sql).table(), 5) for sql in questions()}  # type: ignore[misc]


def _median(work: Callable[[], Any], times: int) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(found), 1)


def _pages() -> dict[str, float]:
    """Milliseconds of each page."""
    from catalog.web.tour import tour

    addresses = tour()
    with served(environment=_environment()) as link:
        root = link.rstrip("/")
        return {name: _median(lambda at=at: _read(root + at), 3) for name, at in addresses.items()}  # type: ignore[misc]


def _read(address: str) -> None:
    with suppress(HTTPError), urlopen(address) as answer:  # a page that says what is missing is a page
        answer.read()


def _real(folder: Path, count: int) -> dict[str, float]:
    """CPU seconds of building a corpus of real reviews, crawl to label, and of its catalog."""
    _write_project(folder / "reviews", WARM)
    _build_reviews(folder / "reviews")  # compiles the kernels, once in a clone's life
    for name in ("data", ".gristmill"):
        shutil.rmtree(folder / "reviews" / name)
    _write_reviews(folder / "reviews", count)
    return _build_reviews(folder / "reviews")


def _build_reviews(project: Path) -> dict[str, float]:
    costs = {stage: cpu.run([sys.executable, "-m", f"stages.{stage}"], project, _environment()).cpu for stage in CORPUS}
    return costs | {"corpus": round(sum(costs.values()), 2), "catalog": _catalogued(project)}


def _write_reviews(project: Path, count: int) -> None:
    with gzip.open(REVIEWS, "rt", encoding="utf-8") as lines, (project / "inbox/reviews.jsonl").open("w") as kept:
        kept.writelines(line for line, _ in zip(lines, range(count), strict=False))


def _write_project(project: Path, count: int) -> None:
    """A project whose one source is `count` reviews, with a task labelled by two functions."""
    (project / "inbox").mkdir(parents=True)
    for name in ("catalog", "stages"):  # rules and guidelines are read from the project
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    _write_reviews(project, count)
    block = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    source = {"name": "reviews", "kind": "files", "path": "inbox/*.jsonl", "licence": "not stated", "columns": COLUMNS}
    task = {"name": "praise", "kind": "classification", "sources": [], "languages": ["en"],
            "labels": ["negative", "positive"], "functions": ["praises_en", "complains_en"]}  # fmt: skip
    block["crawl"], block["label"]["tasks"] = {"sources": [source]}, [task]
    block["clean"]["presets"] = {}
    (project / "params.yaml").write_text(yaml.safe_dump({name: block[name] for name in CORPUS}), encoding="utf-8")
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    graph["stages"]["crawl"]["deps"].append("inbox")
    (project / "dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
