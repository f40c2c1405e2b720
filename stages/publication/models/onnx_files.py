"""A network with a head as ONNX, and the same with weights of 8 bits: for runtimes that have no torch.

Writes  model.onnx and model-int8.onnx: inputs input_ids, attention_mask and, of BERT, token_type_ids [D, tokens],
        as the tokenizer gives them, and of relations `places` [D, 2]; output logits as weights.Scores has them, what
        is done with the vectors within. torch's own exporter traces the network; ONNX Runtime quantises its weights
        (dynamic, signed 8 bits). What the tracer notes of the code goes.
Needs   gristmill[deploy]
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
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
Scorer = Callable[[Batch], np.ndarray]
"""A form of a model: a batch -> its scores, as weights.Scores gives them."""


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
    documents, tokens = torch.export.Dim("documents"), torch.export.Dim("tokens", max=given.width)
    example = dict(zip(given.inputs, (ids, torch.ones_like(ids), torch.zeros_like(ids)), strict=False))
    shapes = {name: {0: documents, 1: tokens} for name in example}
    if given.form == "two vectors":
        example["places"], shapes["places"] = ids[:, :2], {0: documents}
    with _quiet():
        program = torch.onnx.export(
            Scores(given).eval(), kwargs=example, dynamo=True, verbose=False, input_names=list(example),
            output_names=["logits"], dynamic_shapes=shapes,
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


def onnx_scores(path: Path) -> Scorer:
    """What a file makes of a batch of inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def scores(batch: Batch) -> np.ndarray:
        found: np.ndarray = session.run(None, dict(batch))[0]
        return found

    return scores


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
