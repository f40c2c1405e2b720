"""The rows of an export, one segment of the corpus at a time.

Reads   clean/text, dedup/cuts, label/labels, catalog/documents and catalog/signals, joined by the key of the segment
A row is a document; of a selection by task it is a label, so that two questions about one text are two rows.
The text is the one that models are trained on: without the spans that dedup removes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InputError
from catalog.schema import CATALOG
from catalog.segments import Segment, read_segments
from stages.model.tokens.trimming import trimmed
from stages.text.signals.table import SIGNALS

FROM_DOCUMENTS = ("uri", "language", "source", "licence", "title", "author", "published")
DOCUMENT = ("id", "uri", "text", *FROM_DOCUMENTS[1:])
LABEL = pa.struct([(name, pa.string()) for name in ("task", "about", "label", "target")])
OF_LABELS = ("id", "task", "about", "label", "target_text", "drop_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a row holds: columns of a document, signals, and its labels (`labels`) or, by task, its one label."""

    document: tuple[str, ...] = DOCUMENT
    signals: tuple[str, ...] = ()
    task: str = ""

    def __post_init__(self) -> None:
        for option, names, known in (("column", self.document, DOCUMENT), ("signal", self.signals, SIGNALS.names)):
            if unknown := [name for name in names if name not in known]:
                raise InputError(f"--{option} {unknown[0]} is unknown; known: {', '.join(known)}")

    def schema(self) -> pa.Schema:
        """Their types, in order."""
        fields = [(name, pa.string()) for name in self.document]
        if self.task:
            fields += [(name, pa.string()) for name in ("about", "label", "target")]
        else:
            fields.append(("labels", pa.list_(LABEL)))
        return pa.schema([*fields, *((name, SIGNALS.field(name).type) for name in self.signals)])


def exported_rows(published: pa.Table, columns: Columns) -> Iterator[tuple[str, pa.Table]]:
    """(split, rows) of each segment and split, in the order of the corpus; `published` has id and split.

    Of a segment without a published document only the catalog is read, so that the texts of others need not be here.
    """
    asked = published["id"].combine_chunks()
    beside = {
        table: {segment.key: segment for segment in read_segments(*table.split("/"))}
        for table in ("dedup/cuts", "label/labels", "catalog/documents", "catalog/signals")
    }
    for texts in read_segments("clean", "text"):
        others = {table: segments.get(texts.key) for table, segments in beside.items()}
        documents = others["catalog/documents"]
        if not (documents and pc.any(pc.is_in(documents.read(["id"])["id"], value_set=asked)).as_py()):
            continue
        rows = _rows(texts, others, published, columns)
        for split in sorted(set(rows["split"].to_pylist())):
            yield split, rows.filter(pc.equal(rows["split"], split)).select(columns.schema().names)


def _rows(texts: Segment, others: dict[str, Segment | None], published: pa.Table, columns: Columns) -> pa.Table:
    """The rows of one segment, with their split, in the order of its texts."""
    named = texts.read(["id", "text"])
    mine = published.filter(pc.is_in(published["id"], value_set=named["id"].combine_chunks()))
    at = pc.index_in(named["id"], value_set=mine["id"].combine_chunks())
    named, splits = named.filter(pc.is_valid(at)), mine["split"].take(pc.drop_null(at))
    cuts = others["dedup/cuts"]
    found = {"id": named["id"], "split": splits}
    found["text"] = pa.array(trimmed(named["id"], named["text"], cuts and cuts.read()), pa.string())
    found |= _looked_up(others["catalog/documents"], FROM_DOCUMENTS, CATALOG["documents"], named["id"])
    found |= _looked_up(others["catalog/signals"], columns.signals, SIGNALS, named["id"])
    labels = _labels(others["label/labels"], columns.task)
    return _by_label(pa.table(found), labels) if columns.task else _by_document(pa.table(found), labels)


def _looked_up(
    segment: Segment | None, names: Sequence[str], schema: pa.Schema, ids: pa.ChunkedArray
) -> dict[str, pa.ChunkedArray]:
    """Some columns of a table of documents, for each of `ids`; null where it has none."""
    rows = segment.read(["id", *names]) if segment else schema.empty_table().select(["id", *names])
    at = pc.index_in(ids, value_set=rows["id"].combine_chunks())
    return {name: rows[name].take(at) for name in names}


def _labels(segment: Segment | None, task: str) -> pa.Table:
    """id, task, about, label and target of the labels that stand; only those of `task` where one is named."""
    empty = pa.table({name: pa.array([], pa.string()) for name in OF_LABELS})
    rows = segment.read(list(OF_LABELS)) if segment else empty
    stands = pc.is_null(rows["drop_reason"])
    rows = rows.filter(pc.and_(stands, pc.equal(rows["task"], task)) if task else stands)
    return rows.drop_columns(["drop_reason"]).rename_columns(["id", *(field.name for field in LABEL)])


def _by_document(rows: pa.Table, labels: pa.Table) -> pa.Table:
    """The documents with the list of their labels, by task and second text."""
    ordered = labels.sort_by([("task", "ascending"), ("about", "ascending")])
    found: dict[str, list[dict[str, str]]] = {}
    for row in ordered.to_pylist():
        found.setdefault(row.pop("id"), []).append(row)
    lists = pa.array([found.get(name, []) for name in rows["id"].to_pylist()], pa.list_(LABEL))
    return rows.append_column("labels", lists)


def _by_label(rows: pa.Table, labels: pa.Table) -> pa.Table:
    """A row for each label of one task, in the order of the documents."""
    place = pc.index_in(labels["id"], value_set=rows["id"].combine_chunks())
    labels = labels.append_column("place", place).filter(pc.is_valid(place))
    labels = labels.sort_by([("place", "ascending"), ("about", "ascending"), ("label", "ascending")])
    repeated = rows.take(labels["place"])
    for name in ("about", "label", "target"):
        repeated = repeated.append_column(name, labels[name])
    return repeated
