"""The threshold playground: move a number, and see what it would keep, of which source, and the texts at the cut.

GET   /thresholds                                        every signal
GET   /thresholds/SIGNAL?at=&keep=&source=&language=     one of them, with a threshold to try

Nothing is built and no rule is known here: a signal is measured once and the number decided late, so every threshold
can be tried on the numbers that are in the catalog. `gristmill thresholds` says the same of the rules in use.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.web.answers import Ask
from catalog.web.explorer.documents import finite
from catalog.web.formats import address
from catalog.web.pages import shown
from catalog.web.signals import Histogram, Signal, histogram, signal_named, signals
from catalog.web.texts import excerpts

router = APIRouter(prefix="/thresholds")

Side = Literal["above", "below"]
Scope = dict[str, str]
EXAMPLES = 6  # documents on either side of the cut
SHARES = (0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.001)  # of documents that other numbers would drop, at most
SIGNS = {"above": ">=", "below": "<="}
ORDERS = {"above": {"way": "ASC", "furthest": "max"}, "below": {"way": "DESC", "furthest": "min"}}
"""In which documents are dropped as the threshold moves, and which value of those moves is the furthest."""
EFFECT = """
SELECT source, language, count(*) AS documents, count_if(value {sign} $at) AS kept,
    count_if(outcome = 'kept') AS kept_now, count_if(outcome = 'kept' AND NOT value {sign} $at) AS lost,
    sum(characters)::BIGINT AS characters,
    (sum(characters) FILTER (value {sign} $at))::BIGINT AS characters_kept
FROM {measured}
GROUP BY GROUPING SETS ((), (source, language))
QUALIFY row_number() OVER (ORDER BY grouping(source) DESC, documents DESC, source, language) <= 15
ORDER BY grouping(source) DESC, documents DESC, source, language
"""
OTHERS = """
WITH counted AS (SELECT round(value, 4) AS value, count(*) AS documents FROM {values} GROUP BY ALL),
running AS (
    SELECT value, (sum(documents) OVER (ORDER BY value {way}) - documents) / sum(documents) OVER () AS dropped
    FROM counted
)
SELECT DISTINCT max(dropped) AS dropped_share, {furthest}(value) AS threshold
FROM running JOIN (SELECT unnest($shares) AS share) ON dropped <= share GROUP BY share ORDER BY dropped_share DESC
"""
REASONS = """
SELECT coalesce(reason, 'kept') AS reason, count(*) AS documents, min(value) AS lowest, max(value) AS highest
FROM {measured} AND (outcome = 'kept' OR stage = 'clean')
GROUP BY reason, outcome ORDER BY outcome <> 'kept', documents DESC, reason LIMIT 16
"""
NEAREST = """
WITH nearest AS (
    SELECT id, place, value, outcome FROM {measured} AND {side}
    ORDER BY abs(value - $at), id LIMIT {rows}
)
SELECT nearest.id, place, value, title, uri, source, nearest.outcome
FROM nearest JOIN judged_documents ON judged_documents.rowid = place
ORDER BY abs(value - $at), nearest.id
"""
CHOICES = "SELECT DISTINCT source, language FROM @facets WHERE language IS NOT NULL ORDER BY source, language LIMIT 200"


@router.get("")
def all_signals(request: Request, ask: Ask) -> Response:
    """Every signal, with what it measures."""
    return shown(request, "thresholds.html", ask, known=signals(ask))


@router.get("/{name}")
def threshold(
    request: Request, ask: Ask, name: str, at: str = "", keep: Side = "above", source: str = "", language: str = "",
) -> Response:  # fmt: skip
    """What one threshold on a signal does."""
    signal = signal_named(signals(ask), name)
    scope = {name: value for name, value in (("source", source), ("language", language)) if value}
    where = " AND ".join(f"{column} = ${column}" for column in scope) or "true"
    measured = f"{signal.of('@facets')} WHERE {where}"
    values = f"(SELECT value FROM {measured})" if scope else signal.values
    spread = histogram(ask, signal, measured if scope else "", **scope)
    given = finite(at)
    cut = given if given is not None else _begin(spread)
    dropped, kept = (
        ask(NEAREST.format(measured=measured, side=f"{sign}value {SIGNS[keep]} $at", rows=EXAMPLES), at=cut, **scope)
        for sign in ("NOT ", "")
    )
    return shown(
        request, "threshold.html", ask, signal=signal, spread=spread, at=cut, keep=keep, scope=scope,
        effect=ask(EFFECT.format(measured=measured, sign=SIGNS[keep]), at=cut, **scope),
        others=ask(OTHERS.format(values=values, **ORDERS[keep]), shares=SHARES, **scope),
        reasons=ask(REASONS.format(measured=measured), **scope), dropped=dropped, kept=kept, choices=ask(CHOICES),
        texts=excerpts({row["id"]: row["place"] for found in (dropped, kept) for row in found.rows}),
        chart=_chart(signal, spread, cut, keep, scope),
    )  # fmt: skip


def _begin(spread: Histogram) -> float:
    """A threshold to begin with: where a tenth of the axis is on its left."""
    place = len(spread.edges) // 10
    return round(spread.edges[place]) if spread.doubling else round(spread.edges[place], 4)


def _chart(signal: Signal, spread: Histogram, cut: float, keep: str, scope: Scope) -> str:
    """The histogram with the cut; a column leads to the same page with the threshold at its edge."""

    def href(low: float, high: float) -> str:
        return address(f"/thresholds/{signal.name}", at=f"{low if keep == 'above' else high:.6g}", keep=keep, **scope)

    def chosen(low: float, high: float) -> bool:
        return low >= cut if keep == "above" else high <= cut

    return spread.drawn(f"documents by {signal.name}", href, chosen, cut)
