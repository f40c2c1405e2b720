"""Predictions of one run of `finetune` on the test split, alike for every kind of task.

Writes  rows of evaluate/predictions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer
from torch import nn

from catalog.segments import Segment
from stages.labels.splits import TEST
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.predictions import prediction_rows
from stages.model.finetuning.units import read_units
from stages.model.training.loop import device_named, made_deterministic


def run_folder(run: Sequence[Segment], name: str) -> Path:
    """The folder of a run, which holds the file `name` at its top."""
    return next(segment.path.parent for segment in run if segment.path.name == name)


def loaded_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that was saved beside the network."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def predictions(
    kind: Any, model: nn.Module, units: Sequence[Segment], params: PredictParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit), in their order."""
    made_deterministic(params.threads)
    model.to(device_named(params.device)).eval()
    test = read_units(units, TEST)
    yield "predictions", "all", prediction_rows(params.run, test, kind.predicted(model, test), params.produced)
