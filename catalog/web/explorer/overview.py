"""What there is: the way from captures to training tokens, what was lost on it and why, and what is left.

GET   /        of what was built last
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.web.answers import Answered, Ask
from catalog.web.charts import Column, columns
from catalog.web.formats import count, short
from catalog.web.pages import shown

router = APIRouter()

TOTALS = """
SELECT count(*) AS documents, count(DISTINCT source) AS sources, count(DISTINCT language) AS languages,
    sum(body_bytes)::BIGINT AS bytes, sum(characters)::BIGINT AS characters,
    (SELECT sum(tokens)::BIGINT FROM @encoded) AS tokens
FROM documents
"""
FUNNEL = "FROM @funnel"
REASONS = """
FROM @reasons
QUALIFY row_number() OVER (PARTITION BY stage ORDER BY documents DESC, drop_reason) <= 6
ORDER BY stage, documents DESC, drop_reason
"""
SOURCES = """
WITH counted AS (
    SELECT source, count(*) AS documents, count_if(outcome = 'kept') AS kept, count_if(outcome = 'dropped') AS dropped,
        count_if(outcome = 'quarantined') AS quarantined, sum(characters)::BIGINT AS characters
    FROM @facets GROUP BY source
),
licensed AS (SELECT source, min(licence) AS licence FROM @licences GROUP BY source)
SELECT source, licence, documents, kept, dropped, quarantined, characters
FROM counted JOIN licensed USING (source) ORDER BY documents DESC, source LIMIT 40
"""
LANGUAGES = """
SELECT language, count(*) AS documents, sum(characters)::BIGINT AS characters
FROM documents WHERE language IS NOT NULL
GROUP BY language ORDER BY documents DESC, language LIMIT 12
"""
SIZES = """
SELECT floor(2 * log2(greatest(characters, 1)))::INTEGER AS bin, count(*) AS documents
FROM documents WHERE characters IS NOT NULL GROUP BY bin ORDER BY bin
"""
YEARS = """
SELECT try_cast(left(published, 4) AS INTEGER) AS year, count(*) AS documents
FROM documents WHERE published IS NOT NULL GROUP BY year HAVING year BETWEEN 1900 AND 2200 ORDER BY year
"""
FETCHED = "FROM @requests ORDER BY day DESC LIMIT 12"
LEAST_YEARS = 12  # columns: one year alone would be a wall
SPLITS = """
WITH counted AS (SELECT split, count(*) AS documents FROM @facets WHERE split IS NOT NULL GROUP BY split),
made AS (SELECT split, count(*) AS children FROM children GROUP BY split)
SELECT split, documents, coalesce(children, 0) AS children, coalesce(tokens, 0) AS tokens
FROM counted LEFT JOIN made USING (split) LEFT JOIN @encoded AS encoded USING (split) ORDER BY documents DESC, split
"""
SCORES = "FROM headline"


@router.get("/")
def overview(request: Request, ask: Ask) -> Response:
    """The funnel, and what is in the corpus by source, language, size and time."""
    sizes, years = ask(SIZES), ask(YEARS)
    return shown(
        request, "overview.html", ask, totals=ask(TOTALS), funnel=ask(FUNNEL), reasons=ask(REASONS),
        sources=ask(SOURCES), languages=ask(LANGUAGES), sizes=sizes, sizes_chart=_sizes(sizes), years=years,
        years_chart=_years(years), fetched=ask(FETCHED), splits=ask(SPLITS), scores=ask(SCORES),
    )  # fmt: skip


def _sizes(found: Answered) -> str:
    """Documents by characters, two columns for each doubling."""
    if not found.rows:
        return ""
    counts = {row["bin"]: row["documents"] for row in found.rows}
    first, last = min(counts), max(counts)
    edges = [2 ** (place / 2) for place in range(first, last + 2)]
    drawn = [
        Column(height=counts.get(place, 0), label=f"{count(low)}–{count(high)}: {count(counts.get(place, 0))}",
               href=f"/documents?signal=characters&low={round(low)}&high={round(high)}")
        for place, low, high in zip(range(first, last + 1), edges, edges[1:], strict=False)
    ]  # fmt: skip
    marks = range(0, len(drawn), max(1, len(drawn) // 6))
    ticks = [(place / len(drawn), short(round(edges[place]))) for place in marks]
    return columns(drawn, ticks, "documents by characters")


def _years(found: Answered) -> str:
    if not found.rows:
        return ""
    counts = {row["year"]: row["documents"] for row in found.rows}
    first, last = min(counts), max(counts)
    room = max(0, LEAST_YEARS - (last - first + 1))
    first, last = first - room + room // 2, last + room // 2
    drawn = [
        Column(height=counts.get(year, 0), label=f"{year}: {count(counts.get(year, 0))}")
        for year in range(first, last + 1)
    ]
    return columns(drawn, [(0.0, str(first)), (1.0, str(last))], "documents by year of publication")
