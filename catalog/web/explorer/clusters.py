"""Clusters: documents that say the same, and two of one side by side.

GET   /clusters?least=&source=&size=&after=    the largest first
GET   /clusters/CLUSTER?with=ID&after=         its members; the one that is kept beside another, differences marked
"""

from __future__ import annotations

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from catalog.errors import UnknownError
from catalog.web.answers import Ask
from catalog.web.charts import Column, columns
from catalog.web.differences import differences
from catalog.web.formats import address, count
from catalog.web.pages import shown
from catalog.web.texts import cleaned

router = APIRouter(prefix="/clusters")

ROWS = 50  # clusters, or members, of a page
SIZES = """
SELECT least(documents, $large)::INTEGER AS size, count(*) AS clusters, sum(documents)::BIGINT AS documents
FROM @sized GROUP BY size ORDER BY size
"""
LISTED = """
WITH page AS (
    FROM @sized WHERE documents >= $least AND (documents < $size OR (documents = $size AND cluster > $after))
    ORDER BY documents DESC, cluster LIMIT $limit
)
SELECT page.*, title, uri, judged_documents.source
FROM page LEFT JOIN @facets AS facets ON facets.id = representative
    LEFT JOIN judged_documents ON judged_documents.rowid = place
ORDER BY page.documents DESC, page.cluster
"""
ALL_MEMBERS = """
SELECT judged_documents.id, place, representative, similarity, drop_reason, title, uri, judged_documents.source,
    judged_documents.language, judged_documents.characters
FROM (SELECT id, representative, similarity, drop_reason FROM clusters WHERE cluster = $cluster) AS found
    JOIN @facets AS facets ON facets.id = found.id JOIN judged_documents ON judged_documents.rowid = place
"""
MEMBERS = """
SELECT id, place, representative = id AS stands, similarity, drop_reason, title, uri, source, language, characters
FROM @members WHERE representative = id OR id > $after
ORDER BY stands DESC, id LIMIT $limit
"""
SOURCES = """
SELECT source, count(*) AS documents FROM @members GROUP BY source ORDER BY documents DESC, source LIMIT 12
"""
LARGE = 20  # documents: larger clusters are one column
MOST = 2**62  # documents: more than any cluster has


@router.get("")
def clusters(request: Request, ask: Ask, least: int = 2, size: int = MOST, after: str = "") -> Response:
    """How large clusters are, and which."""
    sizes = ask(SIZES, large=LARGE)
    listed, last = ask.part(LISTED, ROWS, least=least, size=size, after=after)
    later = address("/clusters", least=least, size=last["documents"], after=last["cluster"]) if last else ""
    names = [f"{row['size']}+" if row["size"] == LARGE else str(row["size"]) for row in sizes.rows]
    drawn = [
        Column(height=row["clusters"], label=f"{name}: {count(row['clusters'])}",
               href=address("/clusters", size=row["size"]) if row["size"] < LARGE else "/clusters")
        for name, row in zip(names, sizes.rows, strict=True)
    ]  # fmt: skip
    ticks = [((place + 0.5) / len(drawn), name) for place, name in enumerate(names)]
    return shown(
        request, "clusters.html", ask, sizes=sizes, listed=listed, later=later, least=least,
        chart=columns(drawn, ticks, "clusters by size") if drawn else "",
    )  # fmt: skip


@router.get("/{cluster}")
def cluster(
    request: Request, ask: Ask, cluster: str, other: str = Query("", alias="with"), after: str = ""
) -> Response:
    """The members of one, and two of them side by side. Errors: InputError when there is none of that name."""
    ask.keep("members", ALL_MEMBERS, cluster=cluster)
    members, last = ask.part(MEMBERS, ROWS, after=after)
    if not members.rows:
        raise UnknownError(f"no cluster is called {cluster}; /clusters lists them")
    stands = members.first
    rest = [row for row in members.rows if row["id"] != stands["id"]]
    beside = next((row for row in members.rows if row["id"] == other), rest[0] if rest else None)
    texts = cleaned({row["id"]: row["place"] for row in (stands, beside) if row})
    left = texts[stands["id"]]
    right = texts[beside["id"]] if beside else None
    pieces = differences(left.shown, right.shown) if right and left.shown and right.shown else None
    return shown(
        request, "cluster.html", ask, cluster=cluster, members=members, sources=ask(SOURCES),
        stands=stands, beside=beside, left=left, right=right, pieces=pieces,
        later=address(f"/clusters/{cluster}", after=last["id"]) if last else "",
    )  # fmt: skip
