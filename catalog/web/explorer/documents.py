"""Search and browse: the documents that fit some choices, a page at a time, beside the choices that are left.

GET   /documents?q=&source=&language=&outcome=&stage=&reason=&split=&signal=&low=&high=&sort=&down=&after=&before=

A page begins behind the last row of the one before it (by the value that it is sorted by, then id), so that the last
page of a million documents costs what the first one does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from catalog.errors import InputError
from catalog.web.answers import Answered, Ask, Asking, Row
from catalog.web.formats import address
from catalog.web.pages import shown
from catalog.web.signals import Histogram, Signal, histogram, signal_named, signals

router = APIRouter()

ROWS = 50  # documents of a page
ID = re.compile(r"[0-9a-f]{32}")
FACETS = ("source", "language", "outcome", "reason", "split")
FILTERS = ("q", *FACETS, "stage", "signal", "low", "high", "sort", "down")

FOUND = """
SELECT * FROM @facets WHERE place IN (
    SELECT rowid FROM judged_documents
    WHERE contains(lower(uri), lower($q)) OR contains(lower(title), lower($q)) OR contains(lower(author), lower($q))
)
"""
COUNTED = """
WITH judged AS (
    SELECT source, language, outcome, stage, reason, split, {conditions}
    FROM {documents} WHERE {where}
)
SELECT source, language, outcome, stage, reason, split, grouping(source, language, outcome, reason, split) AS facet,
    CASE facet {counts} ELSE count_if({all}) END AS documents
FROM judged GROUP BY GROUPING SETS ((source), (language), (outcome), (stage, reason), (split), ())
QUALIFY row_number() OVER (PARTITION BY facet ORDER BY documents DESC, source, language, outcome, reason, split) <= 14
ORDER BY facet, documents DESC, source, language, outcome, reason, split
"""
LISTED = """
WITH page AS (
    SELECT id, place, outcome, stage, reason, {value} AS sorted_by FROM {documents} WHERE {where}
    ORDER BY sorted_by {way}, id {way} LIMIT {rows}
)
SELECT page.id, uri, title, source, language, characters, page.outcome, page.stage, page.reason, sorted_by AS value
FROM page JOIN judged_documents ON judged_documents.rowid = place
ORDER BY sorted_by {order}, page.id {order}
"""
CONDITIONS = {name: f"{name} = ${name}" for name in (*FACETS, "stage")}
ALL = 2 ** len(FACETS) - 1
"""What grouping() says of the row of all documents, and of those by one facet alone:"""
ALONE = {name: ALL - 2**place for place, name in enumerate(reversed(FACETS))}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a reader asked for, as the address says it."""

    given: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> Choice:
        """From the query of an address. Errors: InputError for a limit that is no number."""
        given = {name: value for name, value in request.query_params.items() if name in FILTERS and value.strip()}
        for name in ("low", "high"):
            if name in given and finite(given[name]) is None:
                raise InputError(f"{name} is {given[name]!r}, must be a number")
        return cls(given=given)

    @property
    def every(self) -> dict[str, str]:
        """Every choice that there is; empty where none was made."""
        return {name: self.given.get(name, "") for name in FILTERS}

    @property
    def conditions(self) -> list[str]:
        """What must hold of a row of @facets, for the choices among its columns."""
        return [sql for name, sql in CONDITIONS.items() if name in self.given]

    @property
    def limits(self) -> list[str]:
        """What must hold of the value of the signal."""
        return [f"value {sign} ${name}" for name, sign in (("low", ">="), ("high", "<")) if name in self.given]

    @property
    def values(self) -> dict[str, Any]:
        """The values of these, by name."""
        limits = {name: finite(self.given[name]) for name in ("low", "high") if name in self.given}
        return {name: self.given[name] for name in CONDITIONS if name in self.given} | limits

    def href(self, **changes: Any) -> str:
        """The address with some choices changed, from its first page."""
        return address("/documents", **{**self.given, **changes})


def finite(text: str) -> float | int | None:
    """A number as a reader wrote it; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if not isfinite(value) else int(value) if value.is_integer() else value


@router.get("/documents")
def browse(request: Request, ask: Ask, choice: Annotated[Choice, Depends(Choice.of)]) -> Response:
    """The list, its facets, and how a signal is spread over it."""
    q = choice.given.get("q", "").strip()
    if ID.fullmatch(q):
        return RedirectResponse(f"/documents/{q}", 303)
    if q:
        ask.keep("found", FOUND, q=q)
    documents = "@found" if q else "@facets"
    known = signals(ask)
    signal = signal_named(known, choice.given["signal"]) if "signal" in choice.given else known.get("words")
    listed, turns = _page(ask, choice, signal, documents, request.query_params)
    counted = _counted(ask, choice, signal, documents)
    spread = _spread(ask, choice, signal, documents) if signal else None
    return shown(
        request, "documents.html", ask, choice=choice, signal=signal, known=known, listed=listed, turns=turns,
        counted=counted, facets=_facets(counted), spread=spread,
        total=next((row["documents"] for row in counted.rows if row["facet"] == ALL), 0),
        chart=_chart(choice, signal, spread) if signal and spread and spread.documents else "",
    )  # fmt: skip


def _counted(ask: Asking, choice: Choice, signal: Signal | None, documents: str) -> Answered:
    """Documents by every facet in one statement: each under all the choices but its own."""
    judged = {name: sql for name, sql in CONDITIONS.items() if name in choice.given}
    columns = [f"coalesce({sql}, false) AS is_{name}" for name, sql in judged.items()] or ["true AS is_all"]
    every = [f"is_{name}" for name in judged]
    counts = []
    for facet in FACETS:
        own = {f"is_{facet}", "is_stage"} if facet in ("reason", "outcome") else {f"is_{facet}"}
        others = " AND ".join(name for name in every if name not in own) or "true"
        counts.append(f"WHEN {ALONE[facet]} THEN count_if({others})")
    limits = choice.limits if signal else []
    return ask(COUNTED.format(
        conditions=", ".join(columns), documents=signal.of(documents) if signal and limits else documents,
        where=" AND ".join(limits) or "true",
        counts="\n        ".join(counts), all=" AND ".join(every) or "true",
    ), **choice.values)  # fmt: skip


def _facets(counted: Answered) -> dict[str, list[Row]]:
    """Facet -> its values with their documents."""
    return {
        name: [
            row for row in counted.rows if row["facet"] == ALONE[name] and row[name] is not None and row["documents"]
        ]
        for name in FACETS
    }


def _page(
    ask: Asking, choice: Choice, signal: Signal | None, documents: str, query: Mapping[str, str]
) -> tuple[Answered, tuple[str, str]]:
    """The rows of one page, and the addresses of the ones before and after it, empty where there is none."""
    by_signal = bool(signal and choice.given.get("sort") == "signal")
    down, after, before = choice.given.get("down") == "1", query.get("after", ""), query.get("before", "")
    backwards = bool(before and not after)
    limits = choice.limits if signal else []
    conditions, values = [*choice.conditions, *limits], choice.values
    if after or before:
        value, _, last = (after or before).rpartition("~")
        values |= {"edge": finite(value), "last": last}
        sign = "<" if down != backwards else ">"
        conditions.append(
            f"(value {sign} $edge OR (value = $edge AND id {sign} $last))" if by_signal else f"id {sign} $last"
        )
    where = " AND ".join(conditions) or "true"
    found = ask(LISTED.format(
        value="value" if by_signal else "0", rows=ROWS + 1, where=where,
        documents=signal.of(documents) if signal and (by_signal or limits) else documents,
        way="DESC" if down != backwards else "ASC", order="DESC" if down else "ASC",
    ), **values)  # fmt: skip
    more = len(found.rows) > ROWS
    if more:
        del found.rows[0 if backwards else -1]
    rows = found.rows
    earlier = choice.href(before=_edge(rows[0])) if rows and (after or (backwards and more)) else ""
    later = choice.href(after=_edge(rows[-1])) if rows and (backwards or more) else ""
    return found, (earlier, later)


def _edge(row: Row) -> str:
    return f"{row['value']}~{row['id']}"


def _spread(ask: Asking, choice: Choice, signal: Signal, documents: str) -> Histogram:
    """How the documents of all choices but the limits are spread."""
    where = " AND ".join(choice.conditions)
    measured = f"{signal.of(documents)} WHERE {where or 'true'}" if where or "q" in choice.given else ""
    return histogram(ask, signal, measured, **choice.values)


def _chart(choice: Choice, signal: Signal, spread: Histogram) -> str:
    """The histogram; a column leads to its documents, those within the limits are marked."""
    low, high = (finite(choice.given.get(name, "")) for name in ("low", "high"))

    def href(start: float, stop: float) -> str:
        return choice.href(signal=signal.name, low=f"{start:.6g}", high=f"{stop:.6g}")

    def chosen(start: float, stop: float) -> bool:
        limited = low is not None or high is not None
        return limited and (low is None or start >= low * 0.99999) and (high is None or stop <= high * 1.00001)

    return spread.drawn(f"documents by {signal.name}", href, chosen)
