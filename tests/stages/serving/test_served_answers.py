"""A server of a model that says what it is told: its page for every kind of task, and what it does when it is full."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from stages.serving.app import Service
from stages.serving.asked import checked, model_of
from stages.serving.batching import Batching, Question
from stages.serving.limits import Limits, Refused
from tests.stages.serving.test_serving import LIMITS, ask, running

SPANS = '[{"start": 0, "stop": 1, "label": "PER"}, {"start": 1, "stop": 3}]'
ABOUT = {"run": "r", "revision": "", "fingerprint": ""}


class Says:
    """A model that gives one answer to every question."""

    def __init__(self, kind: str, answer: dict[str, Any], through: threading.Event | None = None) -> None:
        self.kind, self.labels = kind, ["a"]
        self.second = {"pairs": "about", "questions": "about", "relations": "spans"}.get(kind, "")
        self._answer, self._through = answer, through

    def answers(self, questions: Sequence[Question]) -> list[Any]:
        """See above; not before it is let through."""
        if self._through:
            self._through.wait(10)
        return [self._answer for _ in questions]


@pytest.mark.parametrize(
    ("kind", "answer", "shown"),
    [
        ("multilabel", {"label": ["<b>", "c"], "probabilities": {"<b>": 0.9}, "logits": {"<b>": 2.2}}, "&lt;b&gt;, c"),
        ("multilabel", {"label": [], "probabilities": {"c": 0.1}, "logits": {"c": -2.2}}, "nothing found"),
        ("pairs", {"label": "same", "probabilities": {"same": 0.9}, "logits": {"same": 2.2}}, "same"),
        ("spans", {"spans": [{"start": 0, "stop": 3, "text": "<b>", "label": "PER"}]}, "&lt;b&gt; <small>PER 0–3"),
        ("spans", {"spans": []}, "nothing found"),
        ("questions", {"answer": {"start": 0, "stop": 3, "text": "<b>"}}, "&lt;b&gt; <small> 0–3"),
        ("questions", {"answer": None}, "nothing found"),
        ("relations", {"relations": [{"from": {"text": "<b>"}, "to": {"text": "c"}, "label": "in"}]},
         "&lt;b&gt; <small>in</small> c"),
        ("relations", {"relations": []}, "nothing found"),
        ("generation", {"text": "<b>"}, 'id="answer">&lt;b&gt;'),
    ],
)  # fmt: skip
def test_the_page_shows_answers_of_every_kind(kind: str, answer: dict[str, Any], shown: str) -> None:
    """Escaped; kinds about two texts ask for both."""
    with running(Service(Says(kind, answer), ABOUT, LIMITS, Batching(texts=1, wait=0.0))) as address:
        beside = {"about": "<i>"} if kind in ("pairs", "questions") else {}
        beside |= {"spans": SPANS} if kind == "relations" else {}
        fields = {"text": "<b>"} | beside
        page = httpx2.post(address, data=fields).text
        assert shown in page and "<b>" not in page and ("&lt;i&gt;" in page) == ("about" in fields)
        without = {} if beside else {"about": "too much"}
        assert httpx2.post(address, data={"text": "a"} | without).status_code == 422


@pytest.mark.parametrize(
    ("spans", "field"),
    [
        ([[0, 1], [1, 2]], "texts[0].spans[0]"),
        ([{"start": 0, "stop": 1}], "texts[0].spans"),
        ([{"start": 0, "stop": 1}] * 13, "texts[0].spans"),
        ([{"start": 0, "stop": 1}, {"start": 2, "stop": 2}], "texts[0]"),
        ([{"start": 0, "stop": 1}, {"start": -1, "stop": 2}], "texts[0].spans[1].start"),
        ([{"start": 0, "stop": 1}, {"start": 1, "stop": 4}], "texts[0]"),
    ],
)
def test_spans_that_are_not_of_the_text_are_refused(spans: list[Any], field: str) -> None:
    """By field; those that a run of kind spans answered are taken as they are."""
    model = model_of(LIMITS, "spans")
    (kept,) = checked({"texts": [{"text": "abc", "spans": json.loads(SPANS)}]}, model)
    assert json.loads(kept[1]) == [{"start": 0, "stop": 1}, {"start": 1, "stop": 3}]
    with pytest.raises(Refused) as refusal:
        checked({"texts": [{"text": "abc", "spans": spans}]}, model)
    assert refusal.value.problems[0].field == field


def test_a_full_server_says_when_to_come_back() -> None:
    """503 and Retry-After, while what was accepted is still answered."""
    through = threading.Event()

    limits = Limits(body=4000, texts=2, characters=9, waiting=2, connections=9, seconds=1.0)
    slow = Says("classification", {"label": "a"}, through)
    with running(Service(slow, ABOUT, limits, Batching(texts=1, wait=0.0))) as address:
        statuses: list[int] = []
        clients = [threading.Thread(target=lambda: statuses.append(ask(address, {"texts": ["a"]}).status_code))
                   for _ in range(3)]  # fmt: skip
        for client in clients:
            client.start()
        while b"gristmill_waiting_texts 2.0" not in httpx2.get(f"{address}metrics").content:
            time.sleep(0.01)
        refused = ask(address, {"texts": ["a"]})
        through.set()
        for client in clients:
            client.join()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert statuses == [200] * 3
