"""Networks: packed documents do not see each other, by each way of attention, and every objective can be learned."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.nn import functional

from stages.model.networks.architectures import Shape, guesser
from stages.model.networks.attention import DENSE, PRODUCTS, VARLEN
from stages.model.networks.network import LanguageModel, Packed, hidden_states, states_at
from stages.model.pretraining.objectives import Recipe, cut, epoch_batches
from stages.model.pretraining.params import OBJECTIVES
from stages.model.pretraining.replaced import ReplacedTokens, replaced_tokens, sampled
from stages.model.tokens.tokenizer import CLS_ID, SEP_ID
from stages.model.training.batches import Batch, framed, laid_out
from tests.stages.model.test_objectives import corpus

SHAPE = Shape(layers=4, hidden=32, heads=2, feed_forward=64, width=512, vocabulary=600, dropout=0.0)
CPU = torch.device("cpu")
A, B, C = (np.arange(10, 190), np.arange(30, 345), np.arange(200, 515))  # longer than a window of ModernBERT
PAIRS = [(architecture, objective) for architecture, known in OBJECTIVES.items() for objective in known]
LANGUAGE_MODELS = [pair for pair in PAIRS if pair[1] != "rtd"]


def row(*contents: np.ndarray) -> Batch:
    """One row with each content as a document."""
    return laid_out([[framed(content, np.uint64(1), 0, 0) for content in contents]], SHAPE.width)


def network(architecture: str, objective: str, **sizes: int) -> LanguageModel | ReplacedTokens:
    """Weights from one seed."""
    torch.manual_seed(0)
    shape = replace(SHAPE, architecture=architecture, **sizes)
    return ReplacedTokens(shape) if objective == "rtd" else LanguageModel(shape, objective)


@pytest.mark.parametrize("attention", [DENSE, PRODUCTS, VARLEN])
@pytest.mark.parametrize(("architecture", "objective"), LANGUAGE_MODELS)
def test_a_document_does_not_see_its_neighbour(architecture: str, objective: str, attention: str) -> None:
    """Another second document leaves the states of the first unchanged, and equal to those transformers gives alone."""
    body = network(architecture, objective).body.eval()
    alone = torch.tensor([[CLS_ID, *A.tolist(), SEP_ID]])
    with torch.inference_mode():
        expected = body(input_ids=alone).last_hidden_state[0]
        body.set_attn_implementation(attention)
        states = [hidden_states(body, Packed(row(*content), CPU))[: len(A) + 2] for content in ((A, B), (A, C))]
    assert torch.equal(states[0], states[1])
    assert torch.allclose(states[0], expected, atol=1e-5)


@pytest.mark.parametrize("attention", [DENSE, PRODUCTS, VARLEN])
@pytest.mark.parametrize("architecture", list(OBJECTIVES))
def test_a_second_document_is_encoded_as_if_it_were_first(architecture: str, attention: str) -> None:
    """Positions restart, so the place in a row does not matter."""
    body = network(architecture, OBJECTIVES[architecture][0]).body.eval()
    body.set_attn_implementation(attention)
    with torch.inference_mode():
        second = hidden_states(body, Packed(row(A, B), CPU))[len(A) + 2 : len(A) + len(B) + 4]
        first = hidden_states(body, Packed(row(B), CPU))[: len(B) + 2]
    assert torch.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize(("architecture", "objective"), LANGUAGE_MODELS)
def test_states_at_some_places_are_those_of_all(architecture: str, objective: str) -> None:
    """And so are their gradients; in BERT the last layer's feed-forward sees these places alone."""
    body, packed = network(architecture, objective).body.eval(), Packed(row(A, B), CPU)
    places, drawn = torch.tensor([3, 0, 300, 181]), torch.randn(4, SHAPE.hidden)
    found, seen = [], []
    for states in (lambda: hidden_states(body, packed)[places], lambda: states_at(body, packed, places)):
        body.zero_grad()
        (given := states()).backward(drawn)
        found.append([given.detach(), *(value.grad for value in body.parameters() if value.grad is not None)])
    assert all(torch.allclose(whole, some, atol=1e-4) for whole, some in zip(*found, strict=True))
    if architecture == "bert":
        body.encoder.layer[-1].intermediate.register_forward_hook(lambda _, given, made: seen.append(made.shape[1]))
        assert (states_at(body, packed, places), hidden_states(body, packed)) and seen == [4, SHAPE.width]
    assert states_at(body, packed, places[:0]).shape == (0, SHAPE.hidden)


@pytest.mark.parametrize(("architecture", "objective"), LANGUAGE_MODELS)
def test_a_network_is_one_graph_to_the_compiler(architecture: str, objective: str) -> None:
    """Nothing in its forward makes torch.compile go back to Python, and no batch of other texts compiles it anew."""
    model = network(architecture, objective, vocabulary=5000, layers=2)
    recipe = Recipe(objective=objective, width=50, rows=3, mask_rate=0.3, seed=1, vocabulary=5000)
    counter = CompileCounter()
    compiled = torch.compile(model.forward, backend=counter, dynamic=True, fullgraph=True)
    for batch in islice(epoch_batches(cut(corpus(30, 25), recipe), recipe, 0), 4):
        compiled(Packed(batch, CPU))
    torch.compiler.reset()
    assert counter.frame_count == 1


def test_plain_transformers_leaks() -> None:
    """What this project's masks are for: without them a changed second document changes the first one's states."""
    body = network("bert", "mlm").body.eval()
    with torch.inference_mode():
        packed = [Packed(row(*content), CPU) for content in ((A, B), (A, C))]
        states = [body(input_ids=p.inputs, position_ids=p.positions).last_hidden_state[0, : len(A)] for p in packed]
    assert not torch.allclose(states[0], states[1], atol=1e-4)


def test_the_causal_network_does_not_look_ahead() -> None:
    """A changed last token changes no earlier state."""
    body = network("gpt", "clm").body.eval()
    changed = np.append(A[:-1], 99)
    with torch.inference_mode():
        states = [hidden_states(body, Packed(row(content), CPU)) for content in (A, changed)]
    assert torch.equal(states[0][: len(A)], states[1][: len(A)])
    assert not torch.equal(states[0][len(A)], states[1][len(A)])


@pytest.mark.parametrize(("architecture", "objective"), LANGUAGE_MODELS)
def test_the_loss_is_that_of_transformers(architecture: str, objective: str) -> None:
    """One document in a row: the loss on the asked tokens is what transformers' own class computes from its logits."""
    model = network(architecture, objective, vocabulary=5000).eval()
    recipe = Recipe(objective=objective, width=64, rows=1, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(1, 50), recipe), recipe, 0)), CPU)
    length = int((packed.owners > 0).sum())
    kind = {"token_type_ids": packed.types[:, :length]} if architecture == "bert" else {}
    with torch.inference_mode():
        output = model.model(input_ids=packed.inputs[:, :length], **kind)
        logits = output.prediction_logits if objective == "mlm+nsp" else output.logits
        expected = functional.cross_entropy(logits[0, packed.guesses], packed.targets)
        if objective == "mlm+nsp":
            expected += functional.cross_entropy(output.seq_relationship_logits, packed.labels)
        assert torch.allclose(model(packed).mean(), expected, atol=1e-5)


@pytest.mark.parametrize("architecture", list(OBJECTIVES))
def test_guessing_among_the_batch_is_the_full_guess_restricted_to_its_answers(architecture: str) -> None:
    """Same scores as the full head, with the tokens that answer nothing left out."""
    objective = OBJECTIVES[architecture][0]
    recipe = Recipe(objective=objective, width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(20, 25), recipe), recipe, 0)), CPU)
    model = network(architecture, objective, vocabulary=5000).eval()
    states = hidden_states(model.body, packed)[packed.guesses]
    answers = sorted(set(packed.targets.tolist()))
    scores = guesser(model.model).scores(states)[:, answers].log_softmax(-1)
    places = torch.tensor([answers.index(target) for target in packed.targets.tolist()])
    expected = -scores[torch.arange(len(places)), places].mean()
    model.candidates = "batch"
    assert torch.allclose(model(packed).mean(), expected, atol=1e-5)


def test_replaced_tokens_are_marked_where_they_differ() -> None:
    """Drawn tokens stand at the asked places and nowhere else; a draw that hits the answer is no replacement."""
    recipe = Recipe(objective="rtd", width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(20, 25), recipe), recipe, 0)), CPU)
    drawn = packed.targets.clone()
    drawn[::2] += 1
    tokens, wrong = replaced_tokens(packed, drawn)
    elsewhere = torch.ones(tokens.numel(), dtype=torch.bool).index_fill(0, packed.guesses, False)
    assert torch.equal(tokens.flatten()[packed.guesses], drawn)
    assert torch.equal(tokens.flatten()[elsewhere], packed.inputs.flatten()[elsewhere])
    assert wrong[packed.guesses].tolist() == [1.0, 0.0] * (len(drawn) // 2) + [1.0] * (len(drawn) % 2)
    assert wrong[elsewhere].sum() == 0


def test_tokens_are_drawn_by_their_scores() -> None:
    """The frequencies of 20,000 draws are the softmax, within four deviations."""
    torch.manual_seed(0)
    scores = torch.tensor([0.0, 1.0, 2.0, -30.0])
    found = torch.bincount(sampled(scores.expand(20_000, 4)), minlength=4) / 20_000
    assert torch.allclose(found, scores.softmax(0), atol=4 * 0.5 / 20_000**0.5)


@pytest.mark.parametrize("candidates", ["vocabulary", "batch"])
@pytest.mark.parametrize(("architecture", "objective"), PAIRS)
def test_twenty_steps_lower_the_loss(architecture: str, objective: str, candidates: str) -> None:
    """Each objective can be learned on a corpus of one repeated batch."""
    model = network(architecture, objective, vocabulary=5000, layers=2)
    model.candidates = candidates
    recipe = Recipe(objective=objective, width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    packed = Packed(next(epoch_batches(cut(corpus(20, 25), recipe), recipe, 0)), CPU)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = model(packed).mean()
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert losses[-1] < 0.85 * losses[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("architecture", "objective"), LANGUAGE_MODELS)
def test_the_kernel_gives_what_the_mask_gives(architecture: str, objective: str) -> None:
    """bf16 on a GPU: the variable-length kernel against the dense mask, on the same weights."""
    device = torch.device("cuda")
    body = network(architecture, objective, hidden=128).body.to(device).eval()
    packed = Packed(row(A, B), device)
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
        dense = hidden_states(body, packed)
        body.set_attn_implementation(VARLEN)
        assert torch.allclose(hidden_states(body, packed), dense, atol=0.05)
