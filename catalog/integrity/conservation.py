"""Verify: does every stage account for every row, and is every file the one its manifest lists?

Reads   data/<stage>/: the bytes of every file, and the ids in the Parquet files themselves. No count is taken from a
        manifest or from the catalog.
Checks  each file has the sha256 of its manifest entry and no file is unlisted; the ids that the stage before kept are
        those in this stage's verdicts and quarantine, each once; tables with a row per document hold the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.execution.executor import workers
from catalog.layout import CRAWL_LOG, LOCAL, MANIFEST, stage_root
from catalog.schema import STAGES
from catalog.segments import Segment, read_segments
from catalog.sql.database import EXTENSIONS_OFF, THREADS

KEPT = "drop_reason IS NULL"
EXAMPLES = 3  # ids that a problem names

# stage -> the rows it was given, where they are not those that the stage before kept
GIVEN: dict[str, tuple[str, ...]] = {
    "crawl": ("crawl/captures", "crawl/quarantine"),
    "augment": ("augment/compared",),
}
# table -> which rows of its stage's verdicts it must hold, one by one
HOLDS: dict[str, str] = {
    "crawl/captures": "true",
    "clean/text": "true",
    "clean/signals": "true",
    "label/splits": "true",
    "augment/children": KEPT,
    "tokenize/tokens": KEPT,
}
OUTCOMES = "outcome IN ('captured', 'unchanged') OR starts_with(outcome, 'skipped:') OR starts_with(outcome, 'failed:')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a stage did with its rows; all zero for a stage that does not account for documents."""

    stage: str
    rows_in: int
    kept: int
    dropped: int
    quarantined: int
    problems: list[str]
    """Empty when everything adds up."""


def verify(stages: list[str] | None = None) -> list[Account]:
    """An account per stage, in the order of dvc.yaml; of every built stage unless `stages` names some.

    Errors: GristmillError for a name that is no stage; InputError for a named stage that was not built.
    """
    unknown = [name for name in stages or [] if name not in STAGES]
    if unknown:
        raise GristmillError(f"{', '.join(unknown)} is no stage; the stages are {', '.join(STAGES)}")
    missing = [name for name in stages or [] if not _built(name)]
    if missing:
        raise InputError(f"the stage `{missing[0]}` was not built; run `dvc repro {missing[0]}`")
    built = [name for name in STAGES if _built(name) and (not stages or name in stages)]
    if not built:
        raise InputError("nothing was built; run `dvc repro`")
    config = {**EXTENSIONS_OFF, "threads": THREADS, "memory_limit": "1GB", "temp_directory": str(LOCAL / "duckdb")}
    with duckdb.connect(":memory:", config=config) as connection:
        return [_account(connection, name) for name in built]


def _built(stage: str) -> bool:
    return (stage_root(stage) / MANIFEST).exists()


def _account(connection: duckdb.DuckDBPyConnection, stage: str) -> Account:
    problems = list(_file_problems(stage))
    rows_in, kept, dropped, quarantined = 0, 0, 0, 0
    if stage in GIVEN or STAGES[stage]:
        try:
            rows_in, kept, dropped, quarantined = _counts(connection, stage)
            problems += _row_problems(connection, stage)
        except (duckdb.Error, InputError) as error:
            problems.append(f"its rows cannot be counted: {str(error).splitlines()[0]}")
    if rows_in != kept + dropped + quarantined:
        problems.append(f"{rows_in} rows in, but {kept} kept + {dropped} dropped + {quarantined} quarantined")
    return Account(
        stage=stage, rows_in=rows_in, kept=kept, dropped=dropped, quarantined=quarantined, problems=problems
    )  # fmt: skip


def _file_problems(stage: str) -> Iterator[str]:
    """Files that are missing, changed or unlisted."""
    root = stage_root(stage)
    segments = {segment.path: segment for segment in read_segments(stage)}
    with ThreadPoolExecutor(workers()) as threads:
        yield from filter(None, threads.map(_file_problem, segments.values()))
    listed = segments.keys() | {root / MANIFEST}
    yield from (
        f"{path} is in no manifest" for path in sorted(root.rglob("*")) if path.is_file() and path not in listed
    )


def _file_problem(segment: Segment) -> str | None:
    if not segment.path.is_file():
        return f"{segment.path} is missing"
    found = file_sha256(segment.path)
    return None if found == segment.sha256 else f"{segment.path} has sha256 {found}, its manifest says {segment.sha256}"


def _counts(connection: duckdb.DuckDBPyConnection, stage: str) -> tuple[int, int, int, int]:
    """(rows in, kept, dropped, quarantined), counted in the files; leaves the views that `_row_problems` compares."""
    upstream = STAGES[stage]
    given = [_ids(table) for table in GIVEN.get(stage, ())] or [_ids(f"{upstream}/verdicts", KEPT)]
    _view(connection, "given", given)
    _view(connection, "accounted", [_ids(f"{stage}/verdicts"), _ids(f"{stage}/quarantine")])
    return (
        _count(connection, "SELECT id FROM given"),
        _count(connection, _ids(f"{stage}/verdicts", KEPT)),
        _count(connection, _ids(f"{stage}/verdicts", f"NOT ({KEPT})")),
        _count(connection, _ids(f"{stage}/quarantine")),
    )


def _row_problems(connection: duckdb.DuckDBPyConnection, stage: str) -> Iterator[str]:
    """Ids that are lost, come from nowhere, stand twice, or differ between tables of one stage."""
    came = "the rows it was given" if stage in GIVEN else f"what {STAGES[stage]} kept"
    yield from _differences(connection, "given", "accounted", came, "its verdicts and quarantine")
    repeated = "SELECT id FROM accounted GROUP BY id HAVING count(*) > 1"
    yield from _named(connection, repeated, "are accounted for twice")
    for table, which in HOLDS.items():
        if table.startswith(f"{stage}/"):
            _view(connection, "held", [_ids(table)])
            _view(connection, "promised", [_ids(f"{stage}/verdicts", which)])
            yield from _differences(connection, "promised", "held", "its verdicts", table)
    if stage == "crawl":
        yield from _fetch_problems(connection)


def _differences(
    connection: duckdb.DuckDBPyConnection, one: str, other: str, name: str, other_name: str
) -> Iterator[str]:
    missing = "SELECT DISTINCT id FROM {} ANTI JOIN {} USING (id)"
    yield from _named(connection, missing.format(one, other), f"are in {name}, but not in {other_name}")
    yield from _named(connection, missing.format(other, one), f"are in {other_name}, but not in {name}")


def _named(connection: duckdb.DuckDBPyConnection, sql: str, problem: str) -> Iterator[str]:
    """The problem with the number of ids it has, and some of them; nothing when it has none."""
    count = _count(connection, sql)
    if count:
        some = connection.execute(f"SELECT id FROM ({sql}) ORDER BY id LIMIT {EXAMPLES}").fetchall()
        yield f"{count} ids {problem}: {', '.join(row[0] for row in some)}{' …' if count > EXAMPLES else ''}"


def _fetch_problems(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Requests without a known outcome, and captures without a body digest."""
    files = sorted((CRAWL_LOG / "fetches").glob("*.parquet"))
    if not files:
        return
    log = f"SELECT uri AS id FROM read_parquet({_list(files)})"
    yield from _named(connection, f"{log} WHERE ({OUTCOMES}) IS NOT true", "in the crawl log have no known outcome")
    yield from _named(
        connection, f"{log} WHERE outcome IN ('captured', 'unchanged') AND body_digest IS NULL",
        "in the crawl log were captured without a body digest",
    )  # fmt: skip


def _ids(table: str, where: str = "true") -> str:
    """SQL for the ids of a table `<stage>/<name>`, straight from its files."""
    stage, _, name = table.partition("/")
    files = [segment.path for segment in read_segments(stage, name)]
    return f"SELECT id FROM read_parquet({_list(files)}) WHERE {where}" if files else "SELECT '' AS id WHERE false"


def _view(connection: duckdb.DuckDBPyConnection, name: str, parts: list[str]) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {' UNION ALL '.join(parts)}")


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0])


def _list(paths: list[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
