"""The versions of a corpus as a list: what each had, in figures that `gristmill sql --rev` would give too."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.errors import GristmillError, InputError
from catalog.history.versions import Version, versions_with
from catalog.sql.asking import Scope, query

FIGURES = """
SELECT (SELECT count(*) FROM documents) AS documents, (SELECT count(*) FROM kept_documents) AS kept,
    (SELECT count(*) FROM labels WHERE drop_reason IS NULL) AS labels, (SELECT sum(tokens) FROM tokens) AS tokens
"""
HEAD = f"{'version':<10} {'day':<10} {'documents':>10} {'kept':>10} {'labels':>10} {'tokens':>12}  "


def lines(last: int) -> Iterator[str]:
    """The newest `last` versions. Errors: InputError when there is none."""
    found = versions_with("catalog", last)
    if not found:
        raise InputError("no commit has a catalog; `dvc repro && git add dvc.lock && git commit` makes the first")
    yield f"{HEAD}metrics, subject"
    for version in found:
        yield f"{version.short:<10} {version.day:<10} {_figures(version)}  {_named(version)}"


def _figures(version: Version) -> str:
    """What one version had; or that it is not at hand."""
    scope = Scope(revision=version.commit)
    try:
        (row,) = query(FIGURES, scope=scope).table().to_pylist()
        metrics = query("FROM headline", scope=scope).table().to_pylist()
    except GristmillError as error:
        return str(error).splitlines()[0].partition(";")[0]
    counts = f"{row['documents']:>10,} {row['kept']:>10,} {row['labels']:>10,} {int(row['tokens'] or 0):>12,}"
    return " ".join([counts, "", *(f"{metric['name']} {metric['value']:.3g}" for metric in metrics)])


def _named(version: Version) -> str:
    return f"{version.subject} ({version.names})" if version.names else version.subject
