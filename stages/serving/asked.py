"""Requests -> texts: the body within its limits, JSON with one meaning, and every field checked.

JSON that readers understand differently is refused: keys that stand twice, NaN, numbers without end, bytes that are
no UTF-8. What pydantic finds wrong is told by field and never with the value.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from starlette.requests import ClientDisconnect

from stages.serving.batching import Question
from stages.serving.limits import Limits, Problem, Refused, refused

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
THROWN_AWAY = 8  # times the limit of a body that is still read, so that its sender reads our answer
SHOWN = 10  # problems told of one request
MOST_SPANS = 12  # of a text: the model reads it anew for each ordered pair of them
STRICT = ConfigDict(extra="forbid", strict=True)
Asked = type[BaseModel]


class Span(BaseModel):
    """Characters [start, stop) of a text. More is left aside: what a run of kind spans answers can be handed on."""

    model_config = ConfigDict(extra="ignore", strict=True)
    start: Annotated[int, Field(ge=0)]
    stop: int


def model_of(limits: Limits, second: str) -> Asked:
    """What /predict takes within limits: {"texts": [...]}, each a string, {"text", "about"} or {"text", "spans"}."""
    one: Any = Annotated[str, Field(min_length=1, max_length=limits.characters, pattern=r"\S")]
    if second == "about":
        one = create_model("Two", __config__=STRICT, text=(one, ...), about=(one, ...))
    elif second == "spans":
        spans = Annotated[list[Span], Field(min_length=2, max_length=MOST_SPANS)]
        inside: Any = {"inside": model_validator(mode="after")(_inside)}
        one = create_model("Marked", __config__=STRICT, __validators__=inside, text=(one, ...), spans=(spans, ...))
    texts = Annotated[list[one], Field(min_length=1, max_length=limits.texts)]
    return create_model("Asked", __config__=STRICT, texts=(texts, ...))


def _inside(marked: Any) -> Any:
    """Errors: ValueError for a span that is empty, or not of the text."""
    for number, span in enumerate(marked.spans):
        if not span.start < span.stop <= len(marked.text):
            raise ValueError(f"spans[{number}] must have start < stop, and stop no more than the text's characters")
    return marked


async def asked_in_json(request: Request, model: Asked, limits: Limits) -> list[Question]:
    """The questions of a request. Errors: Refused."""
    return checked(_read(await _body(request, JSON, limits)), model)


async def asked_in_form(request: Request, model: Asked, limits: Limits) -> list[Question]:
    """The question of the page's form. Errors: Refused."""
    try:
        sent = parse_qs((await _body(request, FORM, limits)).decode(), max_num_fields=2, errors="strict")
    except ValueError:  # also of bytes that are no UTF-8
        raise refused(400, "body", "must be a form of two fields at most, in UTF-8") from None
    fields: dict[str, Any] = {name: _as_written(values[-1]) for name, values in sent.items()}
    if "spans" in fields:
        fields["spans"] = _read(fields["spans"].encode())
    return checked({"texts": [fields if fields.keys() - {"text"} else fields.get("text", "")]}, model)


def _as_written(value: str) -> str:
    """What the person wrote: forms end lines their own way."""
    return value.replace("\r\n", "\n")


async def _body(request: Request, media_type: str, limits: Limits) -> bytes:
    """The bytes of a request, read before anything is refused. Errors: Refused."""
    kept, size = bytearray(), 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limits.body:
                    kept += chunk
                elif size > THROWN_AWAY * limits.body:
                    break
    except TimeoutError:
        raise refused(408, "body", f"did not come within {limits.seconds:g} seconds") from None
    except ClientDisconnect:
        raise refused(400, "body", "ended early") from None
    if size > limits.body:
        raise refused(413, "body", f"must be at most {limits.body} bytes")
    _require_type(request.headers, media_type)
    return bytes(kept)


def _require_type(headers: Mapping[str, str], media_type: str) -> None:
    given = headers.get("content-type", "").split(";")[0].strip().lower()
    if given != media_type:
        raise refused(415, "content-type", f"must be {media_type}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise refused(415, "content-encoding", "must be identity: a body is sent as it is")


def _read(body: bytes) -> Any:
    """The value of a JSON text. Errors: Refused."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise refused(400, "body", f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise refused(400, "body", f"is not JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise refused(400, "body", "is nested too deeply") from None
    except ValueError:
        raise refused(400, "body", "holds a number without a value") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refused(400, "body", "holds an object with a key that stands twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError


def checked(value: Any, model: Asked) -> list[Question]:
    """The questions in a value of JSON. Errors: Refused, with every field that is wrong."""
    try:
        texts = model.model_validate(value).texts  # type: ignore[attr-defined]
        return [(one, "") if isinstance(one, str) else (one.text, _second(one)) for one in texts]
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise Refused(422, [Problem(_path(one["loc"]), one["msg"]) for one in found[:SHOWN]]) from None


def _second(asked: Any) -> str:
    if hasattr(asked, "about"):
        return str(asked.about)
    return json.dumps([span.model_dump() for span in asked.spans])


def _path(place: tuple[int | str, ...]) -> str:
    """As in texts[3].about."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".") or "body"
