"""Does an exported model say what the run said, on the run's own test documents? For each form in which it is written.

Reads   evaluate/predictions (which documents, the right classes, and what the run said), clean/text, dedup/cuts
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from tokenizers import Tokenizer

from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_segments
from stages.model.examples import shortened
from stages.model.tokenizer import CLS_ID, PAD_ID, SEP_ID, token_ids
from stages.model.trimming import trimmed
from stages.publication.models.onnx_files import Batch
from stages.publication.models.weights import Exported, Scores

BATCH = 64  # documents scored together


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """The test documents of a run: the right class and what the run said of each, and what the network is given."""

    right: np.ndarray
    said: np.ndarray
    batches: Sequence[Batch]

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One form of the model on the test documents."""

    form: str
    accuracy: float
    same: int
    """Documents of which it says what the run said."""
    documents: int


def test_of(run: str, tokenizer: Path, given: Exported) -> Test | None:
    """The test documents of a run, shorter ones first; None where evaluate has none for it."""
    rows = _predictions(run)
    if rows is None:
        return None
    text_of = _texts(rows["id"].combine_chunks())
    lists = token_ids(Tokenizer.from_file(str(tokenizer)), [text_of[name] for name in rows["id"].to_pylist()])
    framed = [np.array([CLS_ID, *shortened(np.array(ids, np.int64), given.width - 2), SEP_ID]) for ids in lists]
    order = sorted(range(len(framed)), key=lambda place: (len(framed[place]), place))
    parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    batches = [_batch([framed[place] for place in part], given.inputs) for part in parts]
    right, said = (np.array(rows[name].to_pylist())[order] for name in ("label", "predicted"))
    return Test(right=right, said=said, batches=batches)


def _predictions(run: str) -> pa.Table | None:
    """id, label and predicted of the run's test documents; None where evaluate says nothing of it."""
    if not (stage_root("evaluate") / MANIFEST).exists():
        return None
    parts = [part.read(["run", "id", "label", "predicted"]) for part in read_segments("evaluate", "predictions")]
    mine = [rows for part in parts if (rows := part.filter(pc.equal(part["run"], run))).num_rows]
    return pa.concat_tables(mine) if mine else None


def _texts(ids: pa.Array) -> dict[str, str]:
    """The texts of some documents as models see them; one segment in memory at a time. Errors: InputError."""
    cuts = {segment.key: segment for segment in read_segments("dedup", "cuts")}
    found: dict[str, str] = {}
    for segment in read_segments("clean", "text"):
        rows = segment.read(["id", "text"])
        rows = rows.filter(pc.is_in(rows["id"], value_set=ids))
        cut = cuts[segment.key].read() if segment.key in cuts and rows.num_rows else None
        found |= dict(zip(rows["id"].to_pylist(), trimmed(rows["id"], rows["text"], cut), strict=True))
    if lost := [name for name in ids.to_pylist() if name not in found]:
        raise InputError(f"{len(lost)} test documents have no text any more, as {lost[0]}; run `dvc repro evaluate`")
    return found


def _batch(rows: Sequence[np.ndarray], inputs: Sequence[str]) -> Batch:
    """Rows of tokens, padded to the longest, as the inputs of a network."""
    ids = np.full((len(rows), max(map(len, rows))), PAD_ID, np.int64)
    mask = np.zeros_like(ids)
    for line, row in enumerate(rows):
        ids[line, : len(row)], mask[line, : len(row)] = row, 1
    found = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {name: found[name] for name in inputs}


def torch_scores(given: Exported, batches: Sequence[Batch]) -> np.ndarray:
    """The scores of batches, end to end: [D, classes]."""
    network = Scores(given).eval()

    def each() -> Iterator[np.ndarray]:
        for batch in batches:
            yield network(**{name: torch.from_numpy(values) for name, values in batch.items()}).numpy()

    with torch.inference_mode():
        return np.concatenate(list(each()))


def measured(form: str, scores: np.ndarray, labels: Sequence[str], test: Test) -> Measured:
    """What the scores of one form come to."""
    said = np.array(labels)[scores.argmax(1)]
    return Measured(
        form=form, accuracy=float((said == test.right).mean()), same=int((said == test.said).sum()), documents=len(test)
    )
