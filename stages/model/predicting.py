"""Predictions of one fine-tuned classifier: of the class of the test documents, or of the shares of all classes.

Reads   the files of one run of `finetune`, tokenize/tokens, label/labels.  Writes  rows of evaluate/predictions.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from catalog.errors import InputError
from catalog.segments import Segment, read_segments
from stages.labels.splits import TEST
from stages.model import classifier
from stages.model.classifying import predicted, scored
from stages.model.examples import EVERY_SPLIT, from_lists, labelled
from stages.model.labelled import labelled_rows, prediction_rows
from stages.model.loop import device_named, made_deterministic
from stages.model.predict_params import PredictParams
from stages.model.tokenizing import token_lists


def predict(
    run: list[Segment], tokens: list[Segment], labels: list[Segment], params: PredictParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test document)."""
    made_deterministic(params.threads)
    folder = next(segment.path.parent for segment in run if segment.path.name == "classifier.json")
    model, description = classifier.load(folder)
    model.to(device_named(params.device))
    rows = labelled_rows(labels, params.task, tokens)
    data = labelled(tokens, rows, TEST, description.labels, description.width)
    found = [description.labels[number] for number in predicted(model, data, description.width)]
    order = pc.index_in(rows["id"], value_set=pa.array(data.ids, pa.string()))
    test = rows.filter(pc.is_valid(order))
    places = pc.drop_null(order).to_pylist()
    yield "predictions", "all", prediction_rows(params.run, test, [found[place] for place in places])


def run_shares(run: str, documents: Sequence[str]) -> tuple[list[str], list[str], np.ndarray]:
    """Those of some documents that have tokens, the classes, and P(class) by a run of finetune: (documents, classes).

    Errors: InputError for a run that does not exist.
    """
    found = {segment.table: segment.path.parent for segment in read_segments("finetune")
             if segment.path.name == "classifier.json"}  # fmt: skip
    if run not in found:
        raise InputError(f"finetune has no run {run}; there are {', '.join(sorted(found)) or 'none'}")
    model, description = classifier.load(found[run])
    model.to(device_named("auto"))
    ids, lists = token_lists(read_segments("tokenize", "tokens"), EVERY_SPLIT)
    wanted = set(documents)
    chosen = [place for place, name in enumerate(ids) if name in wanted]
    ids = [ids[place] for place in chosen]
    unsaid = description.labels[:1] * len(ids)
    data = from_lists(ids, [lists[place] for place in chosen], unsaid, description.labels, description.width)
    return ids, description.labels, torch.from_numpy(scored(model, data, description.width)).softmax(1).numpy()
