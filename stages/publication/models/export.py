"""export model: a run as a folder that needs nothing of this project: weights, tokenizer, card; ONNX where asked for.

Reads   data/finetune or data/pretrain, data/evaluate, data/catalog; the block `card` of params.yaml
Writes  DIR/config.json, model.safetensors, tokenizer.json, tokenizer_config.json, README.md (the model card) and
        model.json (the run, the data, how each form scores); with --onnx model.onnx, with --int8 model-int8.onnx too
Prints  how each form scores on the run's test texts; one that loses more than --tolerance writes nothing.
Run     gristmill export model RUN DIR [--onnx] [--int8] [--tolerance 0.01]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from catalog.errors import GristmillError, InputError, exit_on_error
from stages.model.training.loop import made_deterministic
from stages.publication.folder import catalog_digest, replacing
from stages.publication.models.called import Called
from stages.publication.models.card import about, model_card
from stages.publication.models.measured import HeldOut, Measured, measured, test_of
from stages.publication.models.onnx_files import onnx_scores, require_onnx, write_int8, write_onnx
from stages.publication.models.runs import Run, run_to_export
from stages.publication.models.weights import Exported, exported, save
from stages.publication.reports import the_author
from stages.publication.selection import connected

MARK = "model.json"
ROUNDING = 1e-3  # most that a score of model.onnx may differ from that of torch


def export(run: Run, folder: Path, *, onnx: bool, int8: bool, tolerance: float) -> Sequence[Measured]:
    """Write the folder; how each form scores. Errors: GristmillError for a form that loses more than `tolerance`."""
    given = exported(run.folder)
    author = the_author()
    with replacing(folder, MARK) as beside, connected() as connection:
        save(given, run.folder, beside)
        test = test_of(run, given)
        found = list(_forms(given, beside, test, onnx=onnx or int8, int8=int8))
        refuse(found, tolerance)
        card = model_card(about(connection, run, given, found), author)
        (beside / "README.md").write_text(card, encoding="utf-8")
        said = {"run": run.name, "stage": run.stage, "catalog": catalog_digest(), "files": dict(run.files)}
        text = json.dumps(said | {"measured": [asdict(one) for one in found]}, indent=1)
        (beside / MARK).write_text(f"{text}\n", encoding="utf-8")
    return found


def _forms(given: Exported, folder: Path, test: HeldOut | None, *, onnx: bool, int8: bool) -> Iterator[Measured]:
    """Write what is asked for, and measure each form on the test texts. Errors: InputError without any."""
    if onnx and test is None:
        remedy = "run `dvc repro evaluate`" if given.kind else "a network that writes texts, or has no task, is not"
        raise InputError(f"only a run that evaluate has tested text by text is written as ONNX; {remedy}")
    if test is None:
        return
    yield measured("safetensors", plain := Called(given), test)
    if onnx:
        path = write_onnx(given, folder)
        yield measured(path.name, traced := Called(given, onnx_scores(path)), test)
        off = max(float(np.abs(one - other).max()) for one, other in zip(traced.said, plain.said, strict=True))
        if off > ROUNDING:
            raise GristmillError(
                f"scores of {path.name} differ by up to {off:.2g} from those of torch; nothing is written"
            )
        if int8:
            small = write_int8(path)
            yield measured(small.name, Called(given, onnx_scores(small)), test)


def refuse(found: Sequence[Measured], tolerance: float) -> None:
    """Errors: GristmillError for a form that scores less than the weights, by more than `tolerance`."""
    for one in found:
        if (lost := found[0].value - one.value) > tolerance:
            raise GristmillError(
                f"{one.form} has {one.metric} {one.value:.4f} on the test texts, {lost:.4f} less than the weights; "
                f"nothing is written. If that will do, say --tolerance {lost + 1e-4:.3f}"
            )


def lines(folder: Path, found: Sequence[Measured]) -> Iterator[str]:
    """What was written, and how each form scores."""
    yield f"model in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}"
    for one in found:
        lost = one.value - found[0].value
        beside = f" ({100 * lost:+.2f} points)" if one is not found[0] else ""
        same = f"says what the run said on {one.same:,} of {one.documents:,} test texts"
        yield f"{one.form:<16} {one.metric} {one.value:.4f}{beside}, {same}"


def main() -> None:
    """Export; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill export model")
    parser.add_argument("run")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--onnx", action="store_true")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--tolerance", type=float, default=0.01)
    asked = parser.parse_args()
    run = run_to_export(asked.run)
    if asked.onnx or asked.int8:
        require_onnx()
    made_deterministic(1)
    found = export(run, asked.folder, onnx=asked.onnx, int8=asked.int8, tolerance=asked.tolerance)
    print("\n".join(lines(asked.folder, found)))


if __name__ == "__main__":
    exit_on_error(main)
