"""What a `warc` source makes of files, without a stage around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.sources.settings.warc import WarcSource
from stages.sources.warc import read_warc
from stages.sources.warc_index import index_warc, standing

Captures = dict[str, dict[str, Any]]


def accounts(source: WarcSource, paths: Sequence[Path]) -> pa.Table:
    """The accounts of all files."""
    indexed = (index_warc(path, f"file:{path}", params=source.indexing) for path in paths)
    return pa.concat_tables(table for tables in indexed for _, _, table in tables)


def gathered(source: WarcSource, paths: Sequence[Path]) -> tuple[Captures, list[dict[str, str]]]:
    """(captures by URI, quarantine) of the files of a source; every record that may be a document is in one of them."""
    by_uri = {f"file:{path}": path for path in paths}
    account = accounts(source, paths)
    tables: dict[str, list[dict[str, Any]]] = {"captures": [], "verdicts": [], "quarantine": []}
    for uri, stands in standing(account, list(by_uri)).items():
        for name, _, table in read_warc(by_uri[uri], uri, stands, by_uri, params=source.reading):
            tables[name] += table.to_pylist()
    counted = pc.sum(pc.or_(pc.is_valid(account["document"]), pc.equal(account["type"], "end"))).as_py() or 0
    assert counted == len(tables["captures"]) + len(tables["quarantine"])
    return {row["uri"]: row for row in tables["captures"]}, tables["quarantine"]
