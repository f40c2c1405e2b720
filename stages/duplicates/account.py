"""What deduplication did, as lines to read: documents by source and reason, and the clusters that lost most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from catalog.sql.render import cut, printable

SHOWN = 5  # clusters
EXCERPT = 60  # columns of a title or text


def outcomes_of(sources: pa.ChunkedArray, reasons: pa.ChunkedArray) -> pa.Table:
    """source, reason (null: kept), documents; the columns given have the same rows."""
    groups = pa.table({"source": sources, "reason": reasons}).group_by(["source", "reason"])
    return groups.aggregate([([], "count_all")]).rename_columns({"count_all": "documents"})


def by_source(outcomes: pa.Table) -> Iterator[str]:
    """A line per source: its documents, how many are kept, how many each level dropped."""
    counted: dict[str, Counter[str | None]] = {}
    for row in outcomes.to_pylist():
        counted.setdefault(row["source"], Counter())[row["reason"]] = row["documents"]
    dropped = sorted({reason for counts in counted.values() for reason in counts if reason})
    yield f"  {'source':<24}{'documents':>11}{'kept':>11}" + "".join(f"{reason:>22}" for reason in dropped)
    for source, counts in sorted(counted.items()):
        cells = "".join(f"{counts[reason]:>22,}" for reason in dropped)
        yield f"  {printable(source):<24}{counts.total():>11,}{counts[None]:>11,}{cells}"


def biggest(representatives: pa.ChunkedArray, shown: int = SHOWN, above: int | None = None) -> list[tuple[str, int]]:
    """(document kept, documents it stands for, itself included), most first, of those that stand for two or more:
    so many, and all that stand for more than `above`.
    """
    counts = pc.value_counts(representatives)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    pairs = sorted((-row["counts"], row["values"]) for row in several)
    return [(name, -count) for place, (count, name) in enumerate(pairs) if place < shown or (above and -count > above)]


def excerpts(texts: Sequence[Segment], clusters: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A line per cluster: its size, the document kept, and that one's title, or how its text begins."""
    wanted, begins = pa.array([name for name, _ in clusters], pa.string()), {}
    for segment in texts:
        rows = segment.read(["id", "title", "text"])
        for row in rows.filter(pc.is_in(rows["id"], value_set=wanted)).to_pylist():
            begins[row["id"]] = cut(printable(row["title"] or row["text"][: 4 * EXCERPT]), EXCERPT)
    if clusters:
        yield f"  {'documents':>11}  {'kept for them':<32}  title, or how the text begins"
    for name, count in clusters:
        yield f"  {count:>11,}  {name:<32}  {begins.get(name, '')}"
