"""Dynamic batching: who is computed together, who gets which answer, who is refused, and what a failure costs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from stages.serving.batching import Answers, Batcher, Batching, Question
from stages.serving.figures import Figures
from stages.serving.limits import Limits, Refused

LIMITS = Limits(body=1000, texts=8, characters=100, waiting=8, connections=10, seconds=1.0)
POISON = "a secret that breaks the model"


class Gate:
    """A model that answers a text by itself in capitals, once it is let through, and notes what it got together."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.through = threading.Event()

    def answers(self, questions: Sequence[Question]) -> Answers:
        """See above."""
        texts = [text for text, _ in questions]
        self.batches.append(texts)
        self.through.wait(10)
        if POISON in texts:
            raise ValueError(f"cannot read {texts}")
        return [{"label": text.upper()} for text in texts]


def run(scene: Callable[[Gate, Batcher], Awaitable[Any]], **how: Any) -> tuple[Any, Gate]:
    """What a scene returns, and the model; the first request of a scene is computed alone unless `wait` says else."""
    gate = Gate()

    async def played() -> Any:
        figures = Figures({"run": "r"})
        batcher = Batcher(gate.answers, Batching(**{"texts": 4, "wait": 0.0} | how), LIMITS, figures)
        try:
            return await scene(gate, batcher)
        finally:
            gate.through.set()
            batcher.close()

    return asyncio.run(played()), gate


async def asked(batcher: Batcher, *requests: Sequence[str]) -> list[asyncio.Task[Answers]]:
    """The requests, each on its way into the queue."""
    tasks = [asyncio.create_task(batcher.ask([(text, "") for text in texts])) for texts in requests]
    await asyncio.sleep(0)
    return tasks


def labels(found: Sequence[Any]) -> list[Any]:
    """The answers of each request in short, the status of one that was refused."""
    return [one.status if isinstance(one, Refused) else [answer["label"] for answer in one] for one in found]


def test_what_comes_while_the_model_is_busy_is_computed_together() -> None:
    """Up to the size of a batch, in order, no request parted, and everybody gets their own answers."""

    async def scene(gate: Gate, batcher: Batcher) -> Any:
        tasks = await asked(batcher, ["a"], ["b"], ["c", "d"], ["e", "f"], ["g"])
        gate.through.set()
        return await asyncio.gather(*tasks)

    found, gate = run(scene)
    assert labels(found) == [["A"], ["B"], ["C", "D"], ["E", "F"], ["G"]]
    assert gate.batches == [["a"], ["b", "c", "d"], ["e", "f", "g"]]


@pytest.mark.parametrize(
    ("how", "batches"),
    [
        ({"wait": 60.0}, [["a", "b", "c", "d"]]),  # full, so nobody waits a minute
        ({"wait": 0.01, "texts": 64}, [["a", "b", "c", "d"]]),  # the deadline of the first
        ({"wait": 60.0, "texts": 1}, [["a"], ["b", "c"], ["d"]]),  # a request of more texts than a batch has
    ],
)
def test_a_free_model_waits_for_others(how: dict[str, Any], batches: list[list[str]]) -> None:
    """For as many as fill a batch, or until the oldest has waited for long enough."""

    async def scene(gate: Gate, batcher: Batcher) -> Any:
        gate.through.set()
        return await asyncio.gather(*await asked(batcher, ["a"], ["b", "c"], ["d"]))

    found, gate = run(scene, **how)
    assert labels(found) == [["A"], ["B", "C"], ["D"]] and gate.batches == batches


def test_a_full_queue_refuses_and_a_draining_one_finishes() -> None:
    """Texts are counted, not requests; what is refused costs nothing, what was accepted is answered."""

    async def scene(gate: Gate, batcher: Batcher) -> Any:
        tasks = await asked(batcher, ["a"], ["b"] * 5, ["c"] * 4, ["d"] * 3)
        batcher.drain()
        tasks += await asked(batcher, ["late"])
        gate.through.set()
        return await asyncio.gather(*tasks, return_exceptions=True), batcher.accepted, batcher.answered

    (found, accepted, answered), gate = run(scene)
    assert labels(found) == [["A"], ["B"] * 5, 503, ["D"] * 3, 503]
    assert accepted == answered == 3 and sum(map(len, gate.batches)) == 9


def test_a_text_that_breaks_the_model_costs_itself_only(caplog: pytest.LogCaptureFixture) -> None:
    """Those beside it are computed again without it, and the log names the error and not the text."""

    async def scene(gate: Gate, batcher: Batcher) -> Any:
        tasks = await asked(batcher, ["first"], ["a"], [POISON], ["b"])
        gate.through.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with caplog.at_level(logging.DEBUG):
        found, _ = run(scene)
    assert labels(found) == [["FIRST"], ["A"], 500, ["B"]]
    assert "ValueError at " in caplog.text and "secret" not in caplog.text


def test_who_left_is_not_answered() -> None:
    """And keeps nobody else from an answer."""

    async def scene(gate: Gate, batcher: Batcher) -> Any:
        tasks = await asked(batcher, ["a"], ["b"], ["c"])
        tasks[1].cancel()
        gate.through.set()
        return await asyncio.gather(tasks[0], tasks[2])

    assert labels(run(scene)[0]) == [["A"], ["C"]]
