"""Does an exported model say what the run said, on the run's own test texts? For each form in which it is written.

Reads   finetune/units (the test texts and what is right), evaluate/predictions (what the run said)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
import torch
from tokenizers import Tokenizer

from catalog.digests import canonical_json
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_segments
from stages.labels.splits import TEST
from stages.model import classifier
from stages.model.batches import Example
from stages.model.kinds.classes import Classes
from stages.model.tokenizer import PAD_ID
from stages.model.units import read_units
from stages.publication.models.onnx_files import Batch
from stages.publication.models.runs import Run
from stages.publication.models.weights import Exported, Scores

BATCH = 64  # texts scored together


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The test texts of a run: what is right, what the run said of each, and what the network is given."""

    right: np.ndarray
    said: np.ndarray
    batches: Sequence[Batch]

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One form of the model on the test texts; of several classes a text, right is the whole set."""

    form: str
    accuracy: float
    same: int
    """Texts of which it says what the run said."""
    documents: int


def test_of(run: Run, given: Exported) -> HeldOut | None:
    """The test texts of a classifier, shorter ones first; None for other kinds, and where evaluate has none for it."""
    said_of = _predictions(run.name) if given.kind else {}
    segments = read_segments(run.stage, "units") if said_of else []
    units = [unit for unit in read_units(segments, TEST) if (unit.id, unit.about) in said_of]
    if not units:
        return None
    said = classifier.load(run.folder)[1]
    examples = Classes(Tokenizer.from_file(str(run.folder / "tokenizer.json")), said).examples(units).examples
    order = sorted(range(len(units)), key=lambda place: (len(examples[place].tokens), place))
    parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    return HeldOut(
        right=np.array([units[place].label for place in order]),
        said=np.array([said_of[units[place].id, units[place].about] for place in order]),
        batches=[_batch([examples[place] for place in part], given.inputs) for part in parts],
    )


def _predictions(run: str) -> dict[tuple[str, str], str]:
    """(document, second text) -> what the run said of it; empty where evaluate says nothing."""
    if not (stage_root("evaluate") / MANIFEST).exists():
        return {}
    found: dict[tuple[str, str], str] = {}
    for part in read_segments("evaluate", "predictions"):
        rows = part.read(["run", "id", "about", "predicted"])
        for row in rows.filter(pc.equal(rows["run"], run)).to_pylist():
            found[row["id"], row["about"] or ""] = row["predicted"]
    return found


def _batch(rows: Sequence[Example], inputs: Sequence[str]) -> Batch:
    """Examples padded to the longest, as the inputs of a network."""
    ids = np.full((len(rows), max(len(row.tokens) for row in rows)), PAD_ID, np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for line, row in enumerate(rows):
        here = line, slice(len(row.tokens))
        ids[here], mask[here], types[here] = row.tokens, 1, row.types
    found = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: found[name] for name in inputs}


def torch_scores(given: Exported, batches: Sequence[Batch]) -> np.ndarray:
    """The scores of batches, end to end: [D, classes]."""
    network = Scores(given).eval()

    def each() -> Iterator[np.ndarray]:
        for batch in batches:
            yield network(**{name: torch.from_numpy(values) for name, values in batch.items()}).numpy()

    with torch.inference_mode():
        return np.concatenate(list(each()))


def measured(form: str, scores: np.ndarray, given: Exported, test: HeldOut) -> Measured:
    """What the scores of one form come to."""
    if given.kind == "multilabel":
        sets = [[name for name, one in zip(given.labels, row > 0, strict=True) if one] for row in scores]
        said = np.array([canonical_json(names) for names in sets])
    else:
        said = np.array(given.labels)[scores.argmax(1)]
    return Measured(
        form=form, accuracy=float((said == test.right).mean()), same=int((said == test.said).sum()), documents=len(test)
    )
