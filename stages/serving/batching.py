"""Dynamic batching: what several requests ask while the model is busy is computed together.

A batch begins when the model is free and either `texts` wait or the oldest has waited for `wait` seconds. Requests stay
whole and in their order. One thread computes; the event loop forms batches and hands out answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from stages.serving.figures import Figures
from stages.serving.limits import Limits, refused

Question = tuple[str, str]  # a text, and what `Predictor.second` says or ""
Answers = list[dict[str, Any]]  # as JSON knows them
log = logging.getLogger("gristmill.serve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """When a batch begins."""

    texts: int  # computed together at most; a request that asks for more is a batch of its own
    wait: float  # seconds that the first request waits for others while the model is free

    def __post_init__(self) -> None:
        problems = [f"texts is {self.texts}, must be above 0"] * (self.texts <= 0)
        problems += [f"wait is {self.wait}, must be 0 or more"] * (self.wait < 0)
        if problems:
            raise ValueError("\n".join(problems))


class Predictor(Protocol):
    """What is served of a run, whatever its kind; see stages/model/networks/answering.py."""

    kind: str
    labels: list[str]
    second: str
    """What a question has beside its text: "", "about" (a text) or "spans" (JSON: [{"start", "stop"}, ...])."""

    def answers(self, questions: Sequence[Question]) -> Answers:
        """One answer a question, in their order."""
        ...


@dataclass(slots=True)
class _Request:
    texts: Sequence[Question]
    answered: asyncio.Future[Answers]
    since: float


class Batcher:
    """A queue in front of `answers`, which runs in one thread of its own; to be used in one event loop."""

    def __init__(
        self, answers: Callable[[Sequence[Question]], Answers], how: Batching, limits: Limits, figures: Figures
    ) -> None:
        self._answers, self._how, self._limits, self._figures = answers, how, limits, figures
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._queue: deque[_Request] = deque()
        self._texts = 0  # in the queue
        self._busy_since = 0.0  # on the monotonic clock; 0 while the model is free
        self._timer: asyncio.TimerHandle | None = None
        self.open = True
        self.accepted = self.answered = 0  # requests
        figures.open.set(1)
        figures.waiting.set_function(lambda: self._texts)

    def drain(self) -> None:
        """Take no more requests; those that were taken are answered."""
        self.open = False
        self._figures.open.set(0)

    def close(self) -> None:
        """End the thread, once it has nothing to do."""
        self._thread.shutdown()

    def busy_for(self) -> float:
        """Seconds since the model began the batch that it is at; 0 while it is free."""
        return time.monotonic() - self._busy_since if self._busy_since else 0.0

    async def ask(self, texts: Sequence[Question]) -> Answers:
        """The answers to the texts of one request. Errors: Refused while draining, when full, where the model fails."""
        if not self.open:
            raise refused(503, "server", "is about to end; ask again")
        if self._texts + len(texts) > self._limits.waiting:
            raise refused(503, "server", f"has {self._limits.waiting} texts waiting already; ask again")
        request = _Request(texts, asyncio.get_running_loop().create_future(), time.monotonic())
        self._queue.append(request)
        self._texts += len(texts)
        self.accepted += 1
        self._consider()
        try:
            return await request.answered
        finally:
            self.answered += 1

    def _consider(self) -> None:
        """Begin a batch if it is time, or see to it that this is asked again when it is."""
        if self._busy_since or not self._queue:
            return
        left = self._queue[0].since + self._how.wait - time.monotonic()
        if self._texts >= self._how.texts or left <= 0:
            self._begin(self._taken())
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self._timed)

    def _timed(self) -> None:
        self._timer = None
        self._consider()

    def _taken(self) -> list[_Request]:
        """The oldest requests, as many as fit a batch, out of the queue."""
        batch = [self._queue.popleft()]
        size = len(batch[0].texts)
        while self._queue and size + len(self._queue[0].texts) <= self._how.texts:
            batch.append(self._queue.popleft())
            size += len(batch[-1].texts)
        self._texts -= size
        return batch

    def _begin(self, batch: list[_Request]) -> None:
        self._busy_since = time.monotonic()
        loop = asyncio.get_running_loop()
        computed = loop.run_in_executor(self._thread, self._computed, [request.texts for request in batch])
        computed.add_done_callback(lambda done: self._hand_out(batch, done.result()))

    def _hand_out(self, batch: list[_Request], found: list[Answers | None]) -> None:
        self._figures.batch_texts.observe(sum(len(request.texts) for request in batch))
        self._figures.batch_seconds.observe(self.busy_for())
        self._busy_since = 0.0
        for request, answers in zip(batch, found, strict=True):
            if request.answered.done():  # nobody waits any more
                continue
            if answers is None:
                self._figures.failures.inc()
                request.answered.set_exception(refused(500, "server", "failed at this request; its log says where"))
            else:
                request.answered.set_result(answers)
        self._consider()

    def _computed(self, asked: list[Sequence[Question]]) -> list[Answers | None]:
        """The answers of each request, None where the model fails; what one of them does to it costs that one only."""
        try:
            answers = iter(self._answers([text for texts in asked for text in texts]))
            return [[next(answers) for _ in texts] for texts in asked]
        except Exception as error:
            if len(asked) > 1:
                return [found for texts in asked for found in self._computed([texts])]
            log.error("the model failed: %s", _where(error))
            return [None]


def _where(error: BaseException) -> str:
    """Kind and place of an error, without its message, which may hold text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
