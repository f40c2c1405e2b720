"""Whatever is sent is either texts within their limits or a refusal that names a field."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from stages.serving.asked import FORM, JSON, asked_in_form, asked_in_json, model_of
from stages.serving.limits import Limits, Refused

LIMITS = Limits(body=200, texts=3, characters=10, waiting=3, connections=1, seconds=1.0)
MODELS = {False: model_of(LIMITS, False), True: model_of(LIMITS, True)}
ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["texts", "text", "about"]), inner),
    max_leaves=6,
)
PIECES = ["{", "}", "[", "]", '"texts"', ":", ",", '"a"', "1e999", "-", "NaN", "\\ud800", " ", "\x00", "é", '"']
BODIES = (
    ANY.map(lambda value: json.dumps(value).encode())
    | st.lists(st.sampled_from(PIECES), max_size=30).map(lambda parts: "".join(parts).encode())
    | st.binary(max_size=300)
)


def request(body: bytes, media_type: str, cut: int) -> Request:
    """A request whose body comes in two parts."""
    parts = [
        {"type": "http.request", "body": body[:cut], "more_body": True},
        {"type": "http.request", "body": body[cut:]},
    ]

    async def receive() -> dict[str, object]:
        return dict(parts.pop(0))

    return Request({"type": "http", "headers": [(b"content-type", media_type.encode())]}, receive)


@given(BODIES, st.sampled_from([(asked_in_json, JSON), (asked_in_form, FORM)]), st.integers(0, 300), st.booleans())
def test_a_body_is_texts_or_a_refusal(body: bytes, how: tuple, cut: int, two: bool) -> None:  # type: ignore[type-arg]
    """And JSON that is right is taken as Python reads it."""
    read, media_type = how
    try:
        texts = asyncio.run(read(request(body, media_type, cut), MODELS[two], LIMITS))
    except Refused as refusal:
        assert refusal.status in (400, 413, 422) and refusal.problems and all(one.field for one in refusal.problems)
        return
    said = [text for pair in texts for text in (pair if two else pair[:1])]
    assert 1 <= len(texts) <= 3 and all(1 <= len(text) <= 10 and text.strip() for text in said)
    if media_type == JSON:
        sent = json.loads(body)["texts"]
        assert texts == [(one["text"], one["about"]) if two else (one, "") for one in sent]
