"""A tour: an address of every kind of page over the catalog at hand, for tests, screenshots and measurements."""

from __future__ import annotations

from catalog.sql.asking import query
from catalog.web.formats import address

FOUND = """
SELECT (
        SELECT id FROM documents ORDER BY mime <> 'text/html', characters IS NULL, abs(characters - 2000), id LIMIT 1
    ) AS document,
    (SELECT cluster FROM clusters GROUP BY cluster ORDER BY count(*) DESC, cluster LIMIT 1) AS cluster,
    (SELECT source FROM documents ORDER BY source LIMIT 1) AS source,
    (SELECT task FROM tasks ORDER BY labelled DESC, task LIMIT 1) AS task,
    (SELECT stage || '/' || run FROM exposure ORDER BY ALL DESC LIMIT 1) AS run
"""


def tour() -> dict[str, str]:
    """Page -> its address. Errors: InputError when the catalog was not built."""
    (found,) = query(FOUND).table().to_pylist()
    sql = "select source, language, count(*) as documents from kept_documents group by all order by documents desc"
    return {
        "overview": "/",
        "documents": "/documents",
        "search": address("/documents", q="the", outcome="kept", source=found["source"]),
        "sorted": address("/documents", signal="words", low=20, high=2000, sort="signal", down=1),
        "document": f"/documents/{found['document']}",
        "clusters": "/clusters",
        "cluster": f"/clusters/{found['cluster']}" if found["cluster"] else "/clusters",
        "thresholds": "/thresholds",
        "threshold": address("/thresholds/words", at=20),
        "labels": "/labels",
        "task": f"/labels/{found['task']}" if found["task"] else "/labels",
        "runs": "/runs",
        "run": f"/runs/{found['run']}" if found["run"] else "/runs",
        "versions": "/versions",
        "diff": "/versions/diff",
        "sql": "/sql",
        "answer": address("/sql", q=sql),
        "mistake": address("/sql", q="select lenguage from documents"),
        "rights": "/rights",
        "forget": address("/rights", name=found["document"]),
        "labelling": "/label",
        "missing": "/documents/0",
    }
