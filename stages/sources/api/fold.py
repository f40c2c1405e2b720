"""The answers of an interface, folded: each document as the latest answer that holds it says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from catalog.digests import canonical_json
from stages.sources.api.log import LIST, Answers, Version
from stages.sources.api.records import Deleted, Found, read_records
from stages.sources.captures import Located
from stages.sources.formats import Broken
from stages.sources.rows import Row
from stages.sources.settings.records import Records


def latest_records(answers: Answers, pages: Mapping[Version, Mapping[str, Any]], reading: Records) -> dict[str, Found]:
    """URI -> the record of the latest answer that holds it, without the deleted ones.

    Each remembers, in `meta`, the request whose answer first said what it says.
    """
    latest: dict[str, tuple[Found, str]] = {}
    for version in answers.versions:
        page = pages.get(version)
        if page is None or json.loads(page["meta"] or "{}").get("part") == LIST:
            continue
        for found in read_records(page["uri"], page["body"], page["mime"], page["charset"], reading):
            if found.uri not in latest or latest[found.uri][0] != found:
                latest[found.uri] = found, page["uri"]
    return {uri: _answered(*one) for uri, one in latest.items() if not isinstance(one[0].row, Deleted)}


def _answered(found: Found, page: str) -> Found:
    if not isinstance(found.row, Row) or found.uri == page:
        return found
    meta = json.loads(found.row.meta or "{}") | {"answer": page}
    return replace(found, row=replace(found.row, meta=canonical_json(meta)))


def located(latest: Mapping[str, Found], failed: Mapping[str, str]) -> Iterator[Located]:
    """Documents and unreadable records by URI, then the URLs that gave no answer."""
    for uri in sorted(latest):
        row = latest[uri].row
        assert not isinstance(row, Deleted), "latest_records leaves the deleted ones out"
        yield Located(uri, row, 200)
    for uri in sorted(failed.keys() - latest.keys()):
        yield Located(uri, Broken("", failed[uri]))
