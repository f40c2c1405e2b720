"""The page of one document, as `gristmill explain` prints it; safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.lineage.document import Explanation, Row
from catalog.sql.render import cut, printable

SHOWN = 10  # twins and children listed; the rest is counted
LINE = 110  # columns of the page


def page(known: Explanation) -> Iterator[str]:
    document = known.document
    yield from _section("document", {name: document[name] for name in (
        "id", "uri", "canonical", "source", "licence", "title", "author", "published", "published_at", "given_label"
    )})  # fmt: skip
    yield from _section("capture", {name: document[name] for name in (
        "status", "mime", "charset", "body_digest", "body_bytes"
    )})  # fmt: skip
    yield from _list("fetched", known.fetches, "{fetched_at}  {outcome}  status {status}  body {body_digest}  {uri}")
    if document["text_digest"]:
        yield from _section("text", {name: document[name] for name in (
            "text_digest", "language", "language_score", "language_hint", "extractor", "extraction", "characters",
            "repairs", "redactions"
        )} | {"begins": known.excerpt})  # fmt: skip
    yield from _list("text in versions", known.versions, "{version}  {day}  text {text_digest}  body {body_digest}")
    yield from _list("rights", known.rights, "{signal}: {value}  in {place}, refuses training: {refuses}")
    form = "{verdict:<6}  {signal:<32}{value:>8}  {side:<8} {threshold:<8} {rule}"
    yield from _list("rules", list(_judged(known)), form, every=True)
    judged = {row["signal"] for row in known.rules}
    yield from _grid("signals without a rule" if judged else "signals", {
        name: value for name, value in known.signals.items() if name not in judged
    })  # fmt: skip
    yield from _list(
        "overlaps", known.overlaps, "{evaluation} item {item}: {share} per mille, contaminated: {contaminated}"
    )
    yield from _list("verdicts", known.verdicts, "{stage:<10} {outcome:<12} {reason}")
    yield from _section("cluster", known.cluster)
    yield from _list("twins", known.twins, "{id}  {similarity}  {uri}")
    yield from _list("stands elsewhere", known.cuts, "{level}: characters {start} to {stop}, kept by {of}: {effect}")
    yield from _list("votes", known.votes, "{task}: {annotator} says {label}")
    yield from _list(
        "labels", [row | {"label": row["label"] or row["drop_reason"] or "text"} for row in known.labels],
        "{task}: {label}  by {method}, {confidence} per mille, {votes} votes",
    )  # fmt: skip
    yield from _list("answers of people", known.answers, "{created_at}  {task}: {annotator} {status} {value}")
    yield from _section("use", {"split": known.split, "tokens": known.tokens} | _standing(known.place))
    yield from _list("children", known.children, "{id}  {task}  {operator}, seed {seed}  {drop_reason}")
    yield from _list("models trained on it", known.models, "{stage}  {run}  seen in {times} epochs")
    yield from _list("predictions", [{"row": _joined(row)} for row in known.predictions], "{row}")
    yield from _list("segments", known.segments, "{operator:<16}  {path}  action {fingerprint:.12}", every=True)


def _judged(known: Explanation) -> Iterator[dict[str, Any]]:
    """Each rule with the value of its signal, and whether the document breaks it."""
    for rule in known.rules:
        value = known.signals.get(rule["signal"], known.document.get(rule["signal"]))
        if value is not None:
            broken = value > rule["threshold"] if rule["side"] == "at most" else value < rule["threshold"]
            yield rule | {"value": value, "verdict": "breaks" if broken else "keeps"}


def _standing(place: Mapping[str, Any]) -> dict[str, str]:
    if not place:
        return {}
    return {"stands in": f"{place['path']} row {place['row']}, tokens {place['start']} to {place['stop']}"}


def _section(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A title and a line per value that is known."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return
    yield title
    width = max(map(len, known))
    for name, value in known.items():
        yield f"  {name:<{width}}  {cut(printable(_spelled(value)), LINE - width)}"


def _grid(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A title and the values, two to a line."""
    if not values:
        return
    yield title
    cells = [f"{name:<32}{_spelled(value):>8}" for name, value in values.items()]
    yield from ("  " + "    ".join(cells[start : start + 2]) for start in range(0, len(cells), 2))


def _list(title: str, rows: list[Row], form: str, *, every: bool = False) -> Iterator[str]:
    """A title and a line per row; SHOWN of them unless `every`."""
    if not rows:
        return
    yield f"{title} ({len(rows)})"
    for row in rows if every else rows[:SHOWN]:
        known = {name: printable(_spelled(value)) for name, value in row.items()}
        yield f"  {form.format(**known)}".rstrip()
    if len(rows) > SHOWN and not every:
        yield f"  and {len(rows) - SHOWN} more"


def _joined(row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
