"""Requests with a body: the URL of the log, which has every parameter, and what is sent instead of it.

Pages of a list differ by their parameters, so that the log tells them apart by their URL, whichever way they are sent.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from stages.sources.settings.api import PLACE, ApiSource, texts_in


def posted(source: ApiSource, url: str) -> tuple[str, bytes | None]:
    """(URL, body) to send for a URL of the log; no body where requests of the source have none."""
    if source.body is None:
        return url, None
    parts = urlsplit(url)
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    numbers = {source.paging.param} if source.paging.kind in ("page", "offset") else set()
    names = {name for _, text in texts_in(source.body) if (name := _name(text))}
    values: dict[str, Any] = {**dict.fromkeys(names), **source.places, **params}
    values |= {name: int(values[name]) for name in numbers & params.keys() if name}
    left = urlencode([(name, value) for name, value in params.items() if name not in names], quote_via=quote)
    body = json.dumps(_filled(source.body, values), ensure_ascii=False).encode()
    return urlunsplit(parts._replace(query=left)), body


def _name(text: str) -> str | None:
    found = PLACE.fullmatch(text)
    return found[1] if found else None


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    name = _name(value) if isinstance(value, str) else None
    return values[name] if name else value
