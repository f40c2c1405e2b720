"""Fine-tuning, alike for every kind of task: train, judge each epoch on the validation split, keep the best.

Reads   finetune/units, tokenize/vocabulary, pretrain's model, augment/children for systems that learn from copies.
Writes  the network (`Kind.save`), the tokenizer, curve.json (loss and validation score by epoch), documents.txt and
        exposure.json (which documents it was trained on, and how often), run.json (what a comparison with another run
        asks: docs/models.md)
The test split is not looked at. Of equal epochs the earliest is kept.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from catalog.digests import digest_of
from catalog.errors import InputError
from catalog.events import say
from catalog.incremental.fingerprint import code_digests
from catalog.segments import Segment
from stages.labels.splits import TRAIN, VALIDATION
from stages.model.finetuning.examples import Labelled, batch_of, batch_rows, epoch_batches
from stages.model.finetuning.params import RunParams
from stages.model.finetuning.units import Unit, copies, read_units
from stages.model.networks.network import Packed
from stages.model.tokens.tokenizing import tokenizer_of, write_tokenizer
from stages.model.training.batches import Batch
from stages.model.training.exposure import write_exposure
from stages.model.training.judged import Judged, best
from stages.model.training.loop import Training, device_named, made_deterministic, train

PREDICTED_ROWS = 64  # rows a batch when predicting; part of the result: the batch decides the last bits
PLACES = 4  # decimals of a score
CHECKPOINT_EVERY = 500  # steps; a run that is killed before is begun again


class Kind(Protocol):
    """What a kind of task brings along."""

    place: Any
    """Puts a batch on a device, as `loss` takes it."""

    def examples(self, units: Sequence[Unit]) -> Any:
        """What the network learns from."""
        ...

    def network(self, start: Path, params: RunParams) -> nn.Module:
        """The network before training, from the model in `start`; equal seeds draw equal weights for what is new."""
        ...

    def steps(self, data: Any, epoch: int, params: RunParams) -> int:
        """Batches of an epoch."""
        ...

    def batches(self, data: Any, epoch: int, params: RunParams) -> Iterator[Any]:
        """The batches of an epoch."""
        ...

    def loss(self, model: nn.Module, placed: Any) -> Tensor:
        """What a batch costs, in nats."""
        ...

    def predicted(self, model: nn.Module, units: Sequence[Unit]) -> list[str]:
        """What the network says of each unit, as a label is written."""
        ...

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """How good that is, 0 to 1: what an epoch is judged by."""
        ...

    def save(self, model: nn.Module, out: Path) -> None:
        """Write all that prediction needs, but the tokenizer."""
        ...


class PackedKind:
    """Kinds whose examples are packed into rows of `width` tokens (examples.py)."""

    place = Packed
    width: int

    def steps(self, data: Labelled, epoch: int, params: RunParams) -> int:
        """Batches of an epoch."""
        return len(batch_rows(data, self.width, params.how.rows, params.seed, epoch))

    def batches(self, data: Labelled, epoch: int, params: RunParams) -> Iterator[Batch]:
        """The batches of an epoch."""
        return epoch_batches(data, self.width, params.how.rows, params.seed, epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a run learns from and is judged by."""

    training: list[Unit]
    validation: list[Unit]
    labels: list[str]
    """Of every unit of the task, test units too: what classes there are is no secret of a split."""
    vocabulary: list[Segment]
    start: Path

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that `tokenize` trained, another object each time."""
        return tokenizer_of(self.vocabulary)


def material(
    units: Sequence[Segment],
    vocabulary: list[Segment],
    start: Sequence[Segment],
    children: Sequence[Segment],
    params: RunParams,
) -> Material:
    """Read all of it, on as many threads as the run may use. Errors: InputError where a split is empty."""
    made_deterministic(params.how.threads)
    every = read_units(units)
    parts = {split: [unit for unit in every if unit.split == split] for split in (TRAIN, VALIDATION)}
    for split, found in parts.items():
        if not found:
            raise InputError(f"{params.how.task} has no labelled {split} text; see `gristmill sql 'FROM label_sizes'`")
    more = copies(children, params.how.task) if params.augmented else []
    return Material(
        training=parts[TRAIN] + more, validation=parts[VALIDATION], labels=[unit.label for unit in every],
        vocabulary=vocabulary, start=start_folder(start),
    )  # fmt: skip


def finetuning(kind_of: Callable[[Material, RunParams], Kind]) -> Callable[..., None]:
    """The operator that trains a network of the kind that `kind_of` makes for a run, and writes its folder."""

    def finetune(
        units: list[Segment],
        vocabulary: list[Segment],
        start: list[Segment],
        children: list[Segment],
        params: RunParams,
        out: Path,
    ) -> None:
        given = material(units, vocabulary, start, children, params)
        trained(kind_of(given, params), given, params, out)

    return finetune


def trained(kind: Kind, given: Material, params: RunParams, out: Path) -> None:
    """Train the network of a kind, and write the folder of the run."""
    model = kind.network(given.start, params).to(device_named(params.how.device))
    curve = fitted(kind, model, kind.examples(given.training), given.validation, params, out.parent / "checkpoints")
    kind.save(model, out)
    write_tokenizer(given.vocabulary, out)
    names = list(dict.fromkeys(unit.id for unit in given.training))
    write_exposure(names, np.full(len(names), int(best(curve)["epoch"]), dtype=np.int64), out)
    (out / "curve.json").write_text(json.dumps(curve, indent=1), encoding="utf-8")
    (out / "run.json").write_text(json.dumps(identity(kind, given, params), indent=1, sort_keys=True), encoding="utf-8")
    score = best(curve)["score"]
    said = f"finetune: {params.system} {params.seed}: validation {score:.4f}"
    say(said, event="training", system=params.system, seed=params.seed, validation=score)


def identity(kind: Kind, given: Material, params: RunParams) -> dict[str, str | int]:
    """What must be equal, or is the choice, where two runs are compared: docs/models.md."""
    network = json.loads((given.start / "config.json").read_text(encoding="utf-8"))
    shape = {name: value for name, value in network.items() if name not in ("vocab_size", "transformers_version")}
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "transformers")}
    recipe = [asdict(params.how), asdict(params.of_kind), shape, code_digests(type(kind).__module__), libraries]
    history = given.start / "history.json"
    steps = 0 if params.from_scratch else json.loads(history.read_text(encoding="utf-8"))["steps"]
    training_set = sorted([unit.name, unit.text, unit.label] for unit in given.training)
    return {
        "task": params.how.task,
        "kind": params.kind,
        "generator": getattr(params.of_kind, "generator", ""),
        "system": params.system,
        "seed": params.seed,
        "recipe": digest_of(recipe),
        "epochs": params.how.epochs,
        "pretraining_steps": steps,
        "units": len(given.training),
        "training_set": digest_of(training_set),
    }


def fitted(
    kind: Kind, model: nn.Module, data: Any, validation: Sequence[Unit], params: RunParams,
    checkpoints: Path | None = None,
) -> list[dict[str, float]]:  # fmt: skip
    """Train `model` in place, leave it at its best epoch, and return the learning curve, one entry an epoch.

    A run that was killed goes on from the newest of its `checkpoints`, if it wrote any.
    """
    how, device = params.how, next(model.parameters()).device
    judged = Judged()
    ends = np.cumsum([kind.steps(data, epoch, params) for epoch in range(how.epochs)]).tolist()

    def measure(done: int) -> None:
        if done in ends:
            model.eval()
            judged.judge(round(kind.score(validation, kind.predicted(model, validation)), PLACES), model)
            model.train()

    def batches() -> Iterator[Any]:
        for epoch in range(how.epochs):
            curve = judged.curve
            if how.patience and curve and len(curve) - best(curve)["epoch"] >= how.patience:
                return
            yield from kind.batches(data, epoch, params)

    optimised = Training.of(how, steps=ends[-1], seed=params.seed, checkpoint_every=CHECKPOINT_EVERY)
    progress = train(
        model, lambda placed: kind.loss(model, placed), batches(), optimised, device,
        checkpoints=checkpoints, observe=measure, place=kind.place, group=judged,
    )  # fmt: skip
    curve = judged.curve
    for point, losses in zip(curve, np.split(np.array(progress.losses), ends[: len(curve) - 1]), strict=True):
        point["loss"] = round(float(losses.mean()), PLACES)
    model.load_state_dict(judged.best_weights)
    return curve


def outputs(model: nn.Module, data: Labelled, width: int) -> list[np.ndarray]:
    """What the network says of each example: as many rows as its share of what it returns for a batch."""
    model.eval()
    device = next(model.parameters()).device
    found: dict[int, np.ndarray] = {}
    with torch.inference_mode():
        for chunk in batch_rows(data, width, PREDICTED_ROWS, seed=0, epoch=0):
            order = [item for row in chunk for item in row]
            scores = model(Packed(batch_of(data, chunk, width), device)).float().cpu().numpy()
            asked = np.array([len(data.asked[item]) if data.asked else 1 for item in order])
            ends = np.cumsum(asked * len(scores) // max(1, asked.sum()))
            found |= dict(zip(order, np.split(scores, ends[:-1]), strict=True))
    return [found[item] for item in range(len(data))]


def start_folder(start: Sequence[Segment]) -> Path:
    """The folder of pretrain's model, whose config.json says the shape of every network."""
    return next(segment.path.parent for segment in start if segment.path.name == "config.json")
