"""What an interface has given up to now, as tables: a pure function of the crawl log.

Reads   page files of the crawl log. Writes tables for stages/crawl.py. It needs no network and no HTTP library.
Memory  all answers of one source at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stages.sources.api.log import Answers, read_answers
from stages.sources.captures import Origin, Output, capture_tables
from stages.sources.settings.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReading:
    """How the answers of a source are read."""

    name: str
    licence: str
    records: Records


def replay_api(answers: Answers, pages: list[Path], *, params: ApiReading) -> Iterator[Output]:
    """Tables of one interface: its documents by URI; what could not be read or had are rows of the quarantine."""
    from stages.sources.api.fold import latest_records, located  # loads lxml, which a corpus without interfaces saves

    latest = latest_records(answers, read_answers(pages, params.name, answers.versions), params.records)
    licences = {uri: found.licence for uri, found in latest.items() if found.licence}
    for name, key, table in capture_tables(
        located(latest, answers.failed), Origin(source=params.name, licence=params.licence)
    ):
        yield name, key, _licensed(table, licences, params.licence) if name == "captures" and licences else table


def _licensed(captures: pa.Table, licences: Mapping[str, str], otherwise: str) -> pa.Table:
    """Captures with the licence that each record states, in place of that of the source."""
    given = pa.array([licences.get(uri, otherwise) for uri in captures["uri"].to_pylist()], pa.string())
    at = captures.schema.get_field_index("licence")
    return captures.set_column(at, captures.schema.field(at), given)
