"""export: the kept documents in files that other tools load, by split; what may not be passed on stays out.

Reads   data/clean, data/dedup, data/label, data/catalog; the block `card` of params.yaml for the form hf
Writes  DIR/data/<split>-<number>.parquet or .jsonl.gz, DIR/export.json; of the form hf also the reports of
        stages/publication/reports.py
Prints  documents = written + left out, by reason.  Run: gristmill export hf|parquet|jsonl DIR [options]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from catalog.errors import ConservationError, exit_on_error
from stages.publication.folder import Record, catalog_digest, replacing
from stages.publication.reports import write_reports
from stages.publication.rows import DOCUMENT, Columns, exported_rows
from stages.publication.selection import REASONS, Selection, account, connected, decide
from stages.publication.shards import Form, Shard, write_shards

MIB = 1 << 20
FORMS: dict[str, Form] = {"hf": "parquet", "parquet": "parquet", "jsonl": "jsonl"}


def export(folder: Path, form: str, selection: Selection, columns: Columns, largest: int) -> Record:
    """Write the folder; its record. `largest` is the size of a shard in bytes. Errors: InputError, GristmillError."""
    with replacing(folder) as beside, connected() as connection:
        decide(connection, selection)
        published = connection.sql("FROM memory.published").to_arrow_table()
        parts = exported_rows(published, columns)
        files = tuple(write_shards(beside, parts, columns.schema(), FORMS[form], largest))
        record = Record(
            form=form, selection=selection, columns=columns, catalog=catalog_digest(), account=account(connection),
            files=files,
        )  # fmt: skip
        _conserve(record)
        record.write(beside)
        if form == "hf":
            write_reports(beside, connection, record)
    return record


def _conserve(record: Record) -> None:
    """A document is a row, unless rows are labels. Errors: ConservationError where some were lost on the way."""
    rows, documents = sum(file.rows for file in record.files), record.account.get("published", 0)
    if rows != documents and not record.columns.task:
        raise ConservationError(
            f"{documents} documents are to be written, but there are {rows} rows; run `gristmill verify`"
        )


def lines(folder: Path, account: Mapping[str, int], files: tuple[Shard, ...]) -> Iterator[str]:
    """What was written, and what became of every document."""
    rows = Counter[str]()
    for file in files:
        rows[file.split] += file.rows
    said = ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items())) or "none"
    yield f"rows in {folder}: {said}; {len(files)} files, {sum(file.bytes for file in files) / MIB:.1f} MiB"
    yield f"{sum(account.values()):>9,} documents ="
    yield f"{account.get('published', 0):>9,} written"
    for reason, meaning in REASONS.items():
        if reason in account:
            yield f"{account[reason]:>9,} left out, {reason}: {meaning}"


def main() -> None:
    """Export; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill export")
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("folder", type=Path)
    for name in ("split", "language", "source", "allow", "column", "signal"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--task", default="")
    parser.add_argument("--where", default="")
    parser.add_argument("--shard-mib", type=int, default=256)
    given = parser.parse_args()
    selection = Selection(
        splits=tuple(given.split), languages=tuple(given.language), sources=tuple(given.source), task=given.task,
        where=given.where, allow=tuple(given.allow),
    )  # fmt: skip
    columns = Columns(document=tuple(given.column) or DOCUMENT, signals=tuple(given.signal), task=given.task)
    record = export(given.folder, given.form, selection, columns, given.shard_mib * MIB)
    print("\n".join(lines(given.folder, record.account, record.files)))


if __name__ == "__main__":
    exit_on_error(main)
