"""Predictions of one fine-tuned classifier on the test documents.

Reads   the files of one run of `finetune`, tokenize/tokens, label/labels.  Writes  rows of evaluate/predictions.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.labels.splits import TEST
from stages.model import classifier
from stages.model.classifying import predicted
from stages.model.examples import labelled
from stages.model.labelled import labelled_rows, prediction_rows
from stages.model.loop import device_named, made_deterministic
from stages.model.predict_params import PredictParams


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
