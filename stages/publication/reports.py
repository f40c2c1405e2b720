"""reports: the data card, datasheet, summary of training content and Croissant file of an export, from the catalog.

Reads   data/catalog (no text), the block `card` of params.yaml, DIR/export.json where DIR holds an export
Writes  DIR/README.md, DATASHEET.md, TRAINING_CONTENT.md and, of Parquet files, croissant.json. No clock: equal
        catalogs and equal words of the author give equal bytes.
Run     gristmill card [DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from catalog.errors import InputError, exit_on_error
from stages.publication import datasheet, training_content
from stages.publication.author import Author, read_author
from stages.publication.card import card
from stages.publication.croissant import croissant
from stages.publication.facts import facts_of
from stages.publication.folder import Record, catalog_digest, read_record, unexported
from stages.publication.models.questions import QUESTIONS
from stages.publication.questionnaire import keys
from stages.publication.selection import Selection, account, connected, decide, publish_training


def write_reports(folder: Path, connection: duckdb.DuckDBPyConnection, record: Record) -> None:
    """Write the reports; `connection` has decided what is published. Errors: ParameterError for the block `card`."""
    author = the_author()
    facts = facts_of(connection, record)
    reports = {"README.md": card(facts, author), "DATASHEET.md": datasheet.datasheet(facts, author)}
    if record.files and record.form != "jsonl":
        reports["croissant.json"] = croissant(facts, author)
    publish_training(connection)
    reports["TRAINING_CONTENT.md"] = training_content.training_content(facts_of(connection, record), author)
    for name, text in reports.items():
        (folder / name).write_text(text, encoding="utf-8")


def the_author() -> Author:
    """The block `card`, whose answers are to a question of any report. Errors: ParameterError."""
    return read_author([*keys(datasheet.SECTIONS), *keys(training_content.SECTIONS), *keys(QUESTIONS)])


def report(folder: Path) -> Record:
    """Write the reports of an exported folder, or of all that the corpus may publish; the record they are about.

    Errors: InputError where the corpus is not the one that was exported.
    """
    exported = read_record(folder)
    if exported and exported.catalog != catalog_digest():
        raise InputError(
            f"{folder} was exported from the catalog {exported.catalog[:12]}, which is {catalog_digest()[:12]} now; "
            "export again"
        )
    with connected() as connection:
        decide(connection, exported.selection if exported else Selection())
        record = exported or unexported(account(connection))
        folder.mkdir(parents=True, exist_ok=True)
        write_reports(folder, connection, record)
    return record


def main() -> None:
    """Write the reports; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill card")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    record = report(given.folder)
    print(f"reports of {record.account.get('published', 0):,} documents in {given.folder}")


if __name__ == "__main__":
    exit_on_error(main)
