"""Values: what an answer to a task may be, whoever gives it and however their tool writes it.

classification, pairs  a class
multilabel             the classes that apply, sorted; [] = none of them
spans                  [[start, stop, class], ...], sorted; [] = there are none
relations              {"spans": as above, "relations": [[from, to, class], ...]}, from and to being places in `spans`
questions              [start, stop] of the answer in the text; [] = the text does not answer
generation             the target text

`value_of` turns the ways in which tools and sources write a label into this value, or says what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from catalog.digests import canonical_json
from stages.labels.offsets import Misfit, found_once, held_to, started_at

Kind = Literal["classification", "multilabel", "pairs", "spans", "relations", "questions", "generation"]
ONE_CLASS = ("classification", "pairs")
TWO_TEXTS = ("pairs", "questions")  # kinds whose label is about a second text as well
ANSWER = "answer"  # the class of the one span that answers a question, in tools that label spans

Span = list[Any]  # [first character, the one after the last, class]


class Unanswered(ValueError):
    """The row asks and nobody answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an answer to one task looks like; see `stages.labels.tasks.Task`."""

    task: str
    kind: Kind
    labels: list[str]
    relations: list[str] = field(default_factory=list)
    separator: str = ";"
    names: Mapping[str, str] = field(default_factory=dict)
    """Class as it is written -> class of the task; others stand for themselves."""

    def named(self, written: Any) -> str:
        """The class of the task that is meant. Errors: Misfit."""
        return self._among(written, self.labels)

    def relation(self, written: Any) -> str:
        """The class of a relation that is meant. Errors: Misfit."""
        return self._among(written, self.relations)

    def _among(self, written: Any, classes: Sequence[str]) -> str:
        name = self.names.get(written, written) if isinstance(written, str) else None
        if name not in classes:
            raise Misfit(f"the label {written!r} is not in the task's {list(classes)}")
        return str(name)


def value_of(form: Form, label: Any, text: str) -> Any:
    """The value of an answer about a text. Errors: Misfit, Unanswered."""
    if label is None or label == "":
        raise Unanswered
    return READERS[form.kind](form, label, text)


def written(value: Any) -> str:
    """A value as the label of a vote: a class or a target text as it is, anything else as canonical JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def spans_in(kind: str, value: Any) -> list[Span]:
    """The places in the text that a value names, with their classes."""
    if kind == "questions":
        return [[*value, ANSWER]] if value else []
    if kind == "relations":
        return list(value["spans"])
    return list(value) if kind == "spans" else []


def with_spans(kind: str, value: Any, spans: Sequence[Span]) -> Any:
    """The same value with other places, as many and in the order of `spans_in`."""
    if kind == "questions":
        return list(spans[0][:2]) if spans else []
    return value | {"spans": list(spans)} if kind == "relations" else list(spans)


def classes_in(kind: str, label: str) -> list[str]:
    """The classes of a label as votes write it, each once; of an answer, whether there is one."""
    if kind in ONE_CLASS:
        return [label]
    value = json.loads(label)
    if kind == "multilabel":
        return list(value)
    if kind == "questions":
        return ["answered" if value else "unanswerable"]
    links = value["relations"] if kind == "relations" else []
    return sorted({name for *_, name in [*spans_in(kind, value), *links]})


def _text(form: Form, label: Any, _text: str) -> str:
    said = _inside(label)
    said = [said] if isinstance(said, str) else said
    if not isinstance(said, list) or not all(isinstance(item, str) for item in said):
        raise Misfit(f"its label is not one of a task of kind {form.kind}")
    if len(said) != 1:
        raise Misfit(f"it has {len(said)} labels, and the task takes one") if said else Unanswered
    return str(said[0])


def _class(form: Form, label: Any, text: str) -> str:
    return form.named(_text(form, label, text))


def _classes(form: Form, label: Any, _text: str) -> list[str]:
    said = _inside(_decoded(label))
    if isinstance(said, str):
        said = [name.strip() for name in said.split(form.separator)]
    if not isinstance(said, list):
        raise Misfit("its label is no list of classes")
    return sorted({form.named(name) for name in said})


def _spans(form: Form, label: Any, text: str) -> list[Span]:
    return [span for span, _ in _placed(form, _decoded(label), text)]


def _relations(form: Form, label: Any, text: str) -> dict[str, Any]:
    """Spans by their own id, or by their place where they have none; relations name two of them and a class."""
    said = _decoded(label)
    if not isinstance(said, Mapping) or not {"spans", "relations"} <= set(said):
        raise Misfit("its label has no spans and relations; Label Studio writes both in its JSON only")
    if not isinstance(said["relations"], list):
        raise Misfit("its label is no list of relations")
    placed = _placed(form, said["spans"], text)
    at = {key: place for place, (_, key) in enumerate(placed)}
    links = {_link(form, item, at) for item in said["relations"]}
    return {"spans": [span for span, _ in placed], "relations": [list(link) for link in sorted(links)]}


def _link(form: Form, item: Any, at: Mapping[Any, int]) -> tuple[int, int, str]:
    try:
        start, stop, name = item
        return at[start], at[stop], form.relation(name)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, Misfit):
            raise
        raise Misfit(f"a relation is not between two of its spans: {json.dumps(item, ensure_ascii=False)}") from None


def _placed(form: Form, items: Any, text: str) -> list[tuple[Span, Any]]:
    """Spans, sorted, each with its id or its place in `items`."""
    if not isinstance(items, list):
        raise Misfit("its label is no list of spans")
    placed = [(_span(form, item, text), place) for place, item in enumerate(items)]
    keys = [item.get("id", place) if isinstance(item, Mapping) else place for place, item in enumerate(items)]
    if not all(isinstance(key, str | int) for key in keys):
        raise Misfit("the id of a span is neither a text nor a number")
    return [(span, keys[place]) for span, place in sorted(placed)]


def _span(form: Form, item: Any, text: str) -> Span:
    """One span: {start, end, text, labels} as Label Studio writes it, or [start, stop, label] as doccano does."""
    if isinstance(item, list) and len(item) == 3:
        item = {"start": item[0], "end": item[1], "labels": [item[2]]}
    try:
        start, stop, (label,) = item["start"], item["end"], item["labels"]
    except (KeyError, TypeError, ValueError):
        raise Misfit(f"a span has no start, end and one label: {json.dumps(item, ensure_ascii=False)}") from None
    return [*held_to(start, stop, item.get("text"), text), form.named(label)]


def _answer(form: Form, label: Any, text: str) -> list[int]:
    """A span of the text: marked in a tool, [start, stop], {start, text} as a source gives it, or its words."""
    said = _decoded(label)
    if isinstance(said, str):
        return [*found_once(said, text)]
    if isinstance(said, Mapping):
        return [*started_at(said.get("start"), said.get("text"), text)]
    if isinstance(said, list) and len(said) == 2 and all(type(item) is int for item in said):
        said = [[*said, ANSWER]]
    if not isinstance(said, list) or len(said) > 1:
        raise Misfit("its label is not one answer: [start, stop], or [] where the text does not answer")
    marked = Form(task=form.task, kind="spans", labels=[ANSWER])
    return [place for item in said for place in _span(marked, item, text)[:2]]


def _inside(label: Any) -> Any:
    """What Label Studio's flat exports put into an object."""
    return label.get("choices", label.get("text", label)) if isinstance(label, Mapping) else label


def _decoded(label: Any) -> Any:
    """JSON in a cell of a table, as what it says."""
    if not isinstance(label, str) or not label.startswith(("[", "{")):
        return label
    try:
        return json.loads(label)
    except (ValueError, RecursionError):
        raise Misfit("its label is not JSON") from None


READERS: dict[str, Callable[[Form, Any, str], Any]] = {
    "classification": _class, "pairs": _class, "multilabel": _classes, "spans": _spans, "relations": _relations,
    "questions": _answer, "generation": _text,
}  # fmt: skip
