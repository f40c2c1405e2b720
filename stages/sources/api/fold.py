"""The answers of an interface, folded: each document as the latest answer that holds it says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stages.sources.api.log import LIST, Answers, Version
from stages.sources.api.records import Deleted, Found, read_records
from stages.sources.captures import Located
from stages.sources.formats import Broken
from stages.sources.settings.records import Records


def latest_records(answers: Answers, pages: Mapping[Version, Mapping[str, Any]], reading: Records) -> dict[str, Found]:
    """URI -> the record of the latest answer that holds it, without the deleted ones."""
    latest: dict[str, Found] = {}
    for version in answers.versions:
        page = pages.get(version)
        if page is None or json.loads(page["meta"] or "{}").get("part") == LIST:
            continue
        for found in read_records(page["uri"], page["body"], page["mime"], page["charset"], reading):
            latest[found.uri] = found
    return {uri: found for uri, found in latest.items() if not isinstance(found.row, Deleted)}


def located(latest: Mapping[str, Found], failed: Mapping[str, str]) -> Iterator[Located]:
    """Documents and unreadable records by URI, then the URLs that gave no answer."""
    for uri in sorted(latest):
        row = latest[uri].row
        assert not isinstance(row, Deleted), "latest_records leaves the deleted ones out"
        yield Located(uri, row, 200)
    for uri in sorted(failed.keys() - latest.keys()):
        yield Located(uri, Broken("", failed[uri]))
