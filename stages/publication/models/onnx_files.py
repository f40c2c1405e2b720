"""A classifier as ONNX, and the same with weights of 8 bits: for runtimes that have no torch.

Writes  model.onnx and model-int8.onnx: inputs input_ids, attention_mask and, of BERT, token_type_ids [D, tokens],
        as the tokenizer gives them; output logits [D, classes], the pooling within. torch's own exporter traces the
        network; ONNX Runtime quantises its weights (dynamic, signed 8 bits). What the tracer notes of the code goes.
Needs   gristmill[deploy]
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catalog.errors import InputError
from stages.publication.models.weights import Exported, Scores

MODEL, INT8 = "model.onnx", "model-int8.onnx"
Batch = Mapping[str, np.ndarray]
"""Name of an input -> its values, [D, tokens]."""


def require_onnx() -> None:
    """Errors: InputError where the extra is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; `pip install 'gristmill[deploy]'`") from None


def write_onnx(given: Exported, out: Path) -> Path:
    """Write model.onnx; its path."""
    import onnx

    ids = torch.arange(2 * 8).view(2, 8) % given.model.config.vocab_size
    axes = {0: torch.export.Dim("documents"), 1: torch.export.Dim("tokens", max=given.width)}
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(given.inputs)]
    with _quiet():
        program = torch.onnx.export(
            Scores(given).eval(), example, dynamo=True, verbose=False, input_names=list(given.inputs),
            output_names=["logits"], dynamic_shapes=dict.fromkeys(given.inputs, axes),
        )  # fmt: skip
    found = program.model_proto
    _strip(found.graph)
    for function in found.functions:
        _strip(function)
    onnx.save(found, out / MODEL)
    return out / MODEL


def _strip(graph: Any) -> None:
    """Take out what the tracer noted beside each node, paths of files among it."""
    for part in (graph, *graph.node, *graph.value_info, *getattr(graph, "input", ()), *getattr(graph, "output", ())):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        if hasattr(part, "doc_string"):
            part.doc_string = ""
    for part in getattr(graph, "initializer", ()):
        del part.metadata_props[:]


def write_int8(path: Path) -> Path:
    """Quantise the weights of a model.onnx; the path of the new file beside it."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(path, path.with_name(INT8), weight_type=QuantType.QInt8)
    return path.with_name(INT8)


def onnx_scores(path: Path, batches: Sequence[Batch]) -> np.ndarray:
    """The scores of batches of inputs, end to end: [D, classes]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, batch)[0] for batch in batches])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of the tracer and the quantiser about themselves."""
    level = logging.root.level
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        logging.root.setLevel(level)
