"""Networks: packed documents do not see each other, and a small network learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.model.batches import Batch, framed, laid_out
from stages.model.network import LanguageModel, Packed, Shape, hidden_states
from stages.model.objectives import OBJECTIVES, Recipe, cut, epoch_batches
from tests.stages.test_objectives import corpus

SHAPE = Shape(layers=2, hidden=32, heads=2, feed_forward=64, width=32, vocabulary=600, dropout=0.0)
CPU = torch.device("cpu")
A, B, C = (np.arange(10, 20), np.arange(30, 45), np.arange(400, 415))


def row(*contents: np.ndarray) -> Batch:
    """One row with each content as a document."""
    return laid_out([[framed(content, np.uint64(1), 0, 0) for content in contents]], 32)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_document_does_not_see_its_neighbour(objective: str) -> None:
    """Another second document leaves the states of the first unchanged, and equal to those it has alone."""
    torch.manual_seed(0)
    encoder = LanguageModel(SHAPE, objective).model.bert.eval()
    with torch.inference_mode():
        states = [hidden_states(encoder, Packed(row(*content), CPU))[:12] for content in ((A, B), (A, C), (A,))]
    assert torch.equal(states[0], states[1])
    assert torch.allclose(states[0], states[2], atol=1e-6)


def test_a_second_document_is_encoded_as_if_it_were_first() -> None:
    """Positions restart, so the place in a row does not matter."""
    torch.manual_seed(0)
    encoder = LanguageModel(SHAPE, "mlm").model.bert.eval()
    with torch.inference_mode():
        second = hidden_states(encoder, Packed(row(A, B), CPU))[12:29]
        first = hidden_states(encoder, Packed(row(B), CPU))[:17]
    assert torch.allclose(first, second, atol=1e-6)


def test_the_causal_network_does_not_look_ahead() -> None:
    """A changed last token changes no earlier state."""
    torch.manual_seed(0)
    encoder = LanguageModel(SHAPE, "clm").model.bert.eval()
    changed = np.append(A[:-1], 99)
    with torch.inference_mode():
        states = [hidden_states(encoder, Packed(row(content), CPU)) for content in (A, changed)]
    assert torch.equal(states[0][:10], states[1][:10])
    assert not torch.equal(states[0][10], states[1][10])


def test_guessing_among_the_batch_is_the_full_guess_restricted_to_its_answers() -> None:
    """Same scores as the full head, with the tokens that answer nothing left out."""
    torch.manual_seed(0)
    recipe = Recipe(objective="mlm", width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(20, 25), recipe), recipe, 0)), CPU)
    model = LanguageModel(replace(SHAPE, vocabulary=5000), "mlm", "batch").eval()
    states = hidden_states(model.model.bert, packed)[packed.guesses]
    answers = sorted(set(packed.targets.tolist()))
    scores = model.model.cls.predictions(states)[:, answers].log_softmax(-1)
    places = torch.tensor([answers.index(target) for target in packed.targets.tolist()])
    expected = -scores[torch.arange(len(places)), places].mean()
    assert torch.allclose(model(packed), expected, atol=1e-5)


@pytest.mark.parametrize("candidates", ["vocabulary", "batch"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_twenty_steps_lower_the_loss(objective: str, candidates: str) -> None:
    """Each objective can be learned on a corpus of one repeated batch."""
    torch.manual_seed(0)
    model = LanguageModel(replace(SHAPE, vocabulary=5000), objective, candidates)
    recipe = Recipe(objective=objective, width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(20, 25), recipe), recipe, 0)), CPU)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = model(packed)
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert losses[-1] < 0.7 * losses[0]
