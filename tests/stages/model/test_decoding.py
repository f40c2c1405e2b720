"""Decoding: greedy is that of transformers, whatever stands beside a text; wide beams find the best text there is."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from stages.model.networks.architectures import Shape
from stages.model.networks.decoding import FromPrompt, FromSource, written
from stages.model.networks.sequence_to_sequence import TranslatorShape, new_translator
from stages.model.tokens.tokenizer import CLS_ID, PAD_ID, SEP_ID

PROMPTS = [[CLS_ID, 9, 30, 7, SEP_ID], [CLS_ID, 41, SEP_ID], [CLS_ID, 12, 12, 25, 33, 8, SEP_ID]]


def padded(rows: list[list[int]], before: bool) -> Tensor:
    """Rows as one tensor."""
    longest = max(map(len, rows))
    blank = [[PAD_ID] * (longest - len(row)) for row in rows]
    return torch.tensor([[*pad, *row] if before else [*row, *pad] for row, pad in zip(rows, blank, strict=True)])


@torch.inference_mode()
def test_greedy_is_that_of_transformers_and_of_one_text_alone() -> None:
    """A causal network, prompts of several lengths."""
    torch.manual_seed(3)
    shape = Shape(
        layers=2, hidden=32, heads=2, feed_forward=64, width=32, vocabulary=60, dropout=0.0, architecture="gpt"
    )
    model = GPT2LMHeadModel(shape.config()).eval()
    for weight in model.parameters():
        weight.mul_(6)  # random networks of small weights repeat themselves
    rows = padded(PROMPTS, before=True)
    together = written(FromPrompt(model, rows), rows[:, -1], beams=1, longest=9, end=SEP_ID)
    for prompt, said in zip(PROMPTS, together, strict=True):
        alone = torch.tensor([prompt])
        assert written(FromPrompt(model, alone), alone[:, -1], beams=1, longest=9, end=SEP_ID) == [said]
        made = model.generate(
            alone, attention_mask=torch.ones_like(alone), do_sample=False, max_new_tokens=9, use_cache=True,
            suppress_tokens=[PAD_ID],
        )[0, len(prompt) :].tolist()  # fmt: skip
        assert said == [token for token in made if token != SEP_ID]


@torch.inference_mode()
@pytest.mark.parametrize("beams", [1, 3])
def test_an_encoder_decoder_writes_the_same_alone_and_among_others(beams: int) -> None:
    """The cache of each beam follows its text."""
    shape = TranslatorShape(layers=1, hidden=32, heads=2, feed_forward=64, longest=32, vocabulary=60, dropout=0.0)
    model = new_translator(shape, seed=2).eval()

    def said(rows: list[list[int]]) -> list[list[int]]:
        inputs = padded(rows, before=False)
        first = inputs.new_full((len(rows),), PAD_ID)
        return written(FromSource(model, inputs), first, beams=beams, longest=8, end=SEP_ID)

    assert said(PROMPTS) == [said([row])[0] for row in PROMPTS]


class Chain:
    """A writer whose next token depends on the last one alone."""

    def __init__(self, logs: Tensor) -> None:
        self.logs = logs

    def scores(self, tokens: Tensor) -> Tensor:
        """See Writer."""
        return self.logs[tokens].clone()

    def keep(self, rows: Tensor) -> None:
        """Nothing is remembered."""


@pytest.mark.parametrize("seed", range(8))
def test_wide_beams_find_the_best_of_all_texts(seed: int) -> None:
    """By mean log probability, the end included; narrow ones find none that is better."""
    generator = torch.Generator().manual_seed(seed)
    logs = (3 * torch.randn(6, 6, generator=generator)).log_softmax(-1)
    totals = {}
    for length in range(4):
        for text in product((1, 3, 4, 5), repeat=length):
            steps = zip((CLS_ID, *text), (*text, SEP_ID), strict=True)
            totals[text] = float(sum(logs[a, b] for a, b in steps)) / (length + 1)
    best = max(totals, key=lambda text: totals[text])
    start = torch.tensor([CLS_ID])
    wide = written(Chain(logs), start, beams=85, longest=4, end=SEP_ID)[0]
    assert tuple(wide) == best
    narrow = tuple(written(Chain(logs), start, beams=2, longest=4, end=SEP_ID)[0])
    assert totals.get(narrow, -9.0) <= totals[best]
