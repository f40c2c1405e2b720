"""A run of fine-tuning that is killed and resumed ends with the same weights and the same learning curve."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from stages.labels.splits import TRAIN, VALIDATION
from stages.model.finetuning.kinds import training
from stages.model.finetuning.kinds.classes import Classes
from stages.model.finetuning.params import ClassParams, FinetuneParams, RunParams
from stages.model.finetuning.units import Unit
from stages.model.networks.architectures import Shape, language_model
from stages.model.networks.classifier import Description
from stages.model.tokens.tokenizer import trained_tokenizer
from stages.model.training import checkpoint
from stages.model.training.loop import made_deterministic
from tests.stages.model.model_tables import toy_texts

TEXTS = toy_texts(60)
TOKENIZER = trained_tokenizer(
    [text for text, _ in TEXTS], vocabulary=400, lowercase=True, alphabet=100, min_frequency=2
)
HOW = FinetuneParams(
    task="toy", width=32, epochs=4, rows=4, optimiser="adamw", learning_rate=0.01, muon_learning_rate=0.01,
    weight_decay=0.01, warmup=0.1, clip=1.0, dropout=0.1, threads=1, device="cpu",
)  # fmt: skip


class Watched(Classes):
    """Tells of every batch, from 1."""

    def __init__(self, seen: Callable[[int], None]) -> None:
        said = Description(labels=["negative", "positive"], pooling="mean", width=32, kind="classification")
        super().__init__(TOKENIZER, said)
        self.seen, self.count = seen, 0

    def loss(self, model, placed):  # type: ignore[no-untyped-def]
        """See Classes."""
        self.count += 1
        self.seen(self.count)
        return super().loss(model, placed)


def units(split: str, texts: list[tuple[str, str]]) -> list[Unit]:
    """Of the toy task."""
    return [
        Unit(id=text, about="", split=split, source="toy", language="", text=text, label=label) for text, label in texts
    ]


def finetuned(
    folder: Path | None, network: Path, seen: Callable[[int], None] = lambda _: None
) -> tuple[dict[str, Tensor], list[dict[str, float]], int]:
    """Weights, learning curve and steps of a run with a checkpoint every third step."""
    made_deterministic(1)
    params = RunParams(kind="classification", system="scratch", seed=1, how=HOW, of_kind=ClassParams())
    kind = Watched(seen)
    model = kind.network(network, params)
    data = kind.examples(units(TRAIN, TEXTS[:40]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_EVERY", 3)
        curve = training.fitted(kind, model, data, units(VALIDATION, TEXTS[40:]), params, folder)
    return model.state_dict(), curve, kind.count


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model, whose shape is wanted."""
    folder = tmp_path_factory.mktemp("network")
    size = TOKENIZER.get_vocab_size()
    shape = Shape(layers=1, hidden=32, heads=2, feed_forward=64, width=32, vocabulary=size, dropout=0.1)
    language_model(shape, "mlm").save_pretrained(folder)
    return folder


def test_a_killed_run_resumes_with_the_same_bits(tmp_path: Path, network: Path) -> None:
    """kill -9 in the last but one epoch; what was best, and how good the epochs were, is not forgotten."""
    script = (
        "import os, signal, sys; from pathlib import Path; from tests.stages.model.test_judged import finetuned; "
        "stop = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == int(sys.argv[3]) else None; "
        "finetuned(Path(sys.argv[1]), Path(sys.argv[2]), stop)"
    )
    expected, curve, steps = finetuned(None, network)
    last = steps - steps // HOW.epochs
    arguments = [sys.executable, "-c", script, str(tmp_path), str(network), str(last)]
    killed = subprocess.run(arguments, env=os.environ | {"PYTHONPATH": "."})
    assert killed.returncode == -signal.SIGKILL
    found = checkpoint.newest(tmp_path)
    assert found is not None
    weights, again, rest = finetuned(tmp_path, network)
    assert found[0] == (last - 1) // 3 * 3 and rest == steps - found[0]
    assert again == curve
    assert {name: value.tolist() for name, value in weights.items()} == {
        name: value.tolist() for name, value in expected.items()
    }
