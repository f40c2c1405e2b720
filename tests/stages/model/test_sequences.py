"""Encoder-decoders for texts: a new network heeds its source, before it has learned anything."""

from pathlib import Path

import pytest
import torch

from stages.model.finetuning.kinds.sequences import Sequences
from stages.model.finetuning.params import FinetuneParams, RunParams, System, WritingParams
from stages.model.networks.architectures import Shape, language_model
from stages.model.tokens.tokenizer import CLS_ID, SEP_ID, trained_tokenizer

VOCABULARY = 300
HOW = FinetuneParams(
    task="toy", width=32, epochs=1, rows=2, optimiser="adamw", learning_rate=0.01, muon_learning_rate=0.01,
    weight_decay=0.01, warmup=0.1, clip=1.0, dropout=0.1, threads=1, device="cpu",
)  # fmt: skip
WRITING = WritingParams(longest_target=16)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved BERT of two narrow layers."""
    folder = tmp_path_factory.mktemp("start")
    shape = Shape(layers=2, hidden=64, heads=2, feed_forward=256, width=32, vocabulary=VOCABULARY, dropout=0.0)
    torch.manual_seed(1)
    language_model(shape, "mlm").save_pretrained(folder)
    return folder


@pytest.mark.parametrize("system", ["scratch", "pretrained"])
def test_what_a_new_network_writes_depends_on_the_source(start: Path, system: System) -> None:
    """Of the spread of its scores a good part is between texts; where the layers are drawn at 0.02 it is 0.6 %."""
    tokenizer = trained_tokenizer(["a b"] * 2, vocabulary=VOCABULARY, lowercase=True, alphabet=50, min_frequency=2)
    params = RunParams(kind="generation", system=system, seed=1, how=HOW, of_kind=WRITING)
    model = Sequences(tokenizer, HOW.width, WRITING).network(start, params).eval()
    draw = torch.Generator().manual_seed(1)
    sources = torch.randint(5, VOCABULARY, (16, 12), generator=draw)
    sources[:, 0], sources[:, -1] = CLS_ID, SEP_ID
    before = torch.full((16, 1), CLS_ID)
    with torch.inference_mode():
        scores = model(input_ids=sources, attention_mask=torch.ones_like(sources), decoder_input_ids=before).logits
    assert scores.std(0).mean() / scores.std() > 0.2
