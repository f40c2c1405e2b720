"""Units: what one label is about, a text or a text with a second one, beside its label; what fine-tuning learns from.

Reads   label/labels, clean/text, and dedup/cuts where what dedup removes is to be left out.
Writes  rows of finetune/units, only of one task, so that a change elsewhere leaves its models be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.labels.splits import TRAIN
from stages.model.tokens.trimming import trimmed

LABEL_COLUMNS = ("id", "task", "about", "split", "label", "target_text", "drop_reason")
TEXT_COLUMNS = ("id", "source", "language", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitParams:
    """The task whose units are wanted."""

    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One labelled text; `about` is the second text, "" where there is none; `label` as votes write it."""

    id: str
    about: str
    split: str
    source: str
    language: str
    text: str
    label: str

    @property
    def name(self) -> str:
        """What tells it from other units."""
        return unit_name(self.id, self.about)


def unit_name(id: str, about: str | None) -> str:
    """What tells a unit from others, of the columns of a row."""
    return f"{id}\n{about}" if about else id


def units(
    labels: pa.Table, texts: pa.Table, cuts: pa.Table | None = None, *, params: UnitParams
) -> dict[str, pa.Table]:
    """{"units": a row for each label of the task that stands}, in the order of the labels."""
    label = pc.coalesce(labels["label"], labels["target_text"])
    mine = pc.and_(pc.equal(labels["task"], pa.scalar(params.task)), pc.is_null(labels["drop_reason"]))
    labels = labels.set_column(labels.column_names.index("label"), "label", label)
    rows = labels.filter(pc.and_(mine, pc.is_valid(label)))
    found = texts.take(pc.index_in(rows["id"], value_set=texts["id"].combine_chunks()))
    kept = {name: rows[name] for name in ("id", "about", "split", "label")}
    said = pa.array(trimmed(rows["id"], found["text"], cuts), pa.string())
    return {"units": pa.table(kept | {name: found[name] for name in ("source", "language")} | {"text": said})}


def read_units(segments: Iterable[Segment], *splits: str) -> list[Unit]:
    """The units of some splits (of all, where none is named), in segment order."""
    names = ["id", "about", "split", "source", "language", "text", "label"]
    rows = [row for segment in segments for row in segment.read(names).to_pylist()]
    return [Unit(**row | {"about": row["about"] or ""}) for row in rows if not splits or row["split"] in splits]


def copies(children: Iterable[Segment], task: str) -> list[Unit]:
    """The augmented copies of a task, as units to train on."""
    rows = [row for segment in children for row in segment.read(["id", "task", "text", "label", "split"]).to_pylist()]
    return [
        Unit(id=row["id"], about="", split=TRAIN, source="", language="", text=row["text"], label=row["label"])
        for row in rows
        if row["task"] == task and row["split"] == TRAIN
    ]
