"""Files that are not what a labelling tool writes: an error that names the file, and a misfit for a value of another
shape. Found by tests/fuzz.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import InputError
from stages.labels.offsets import Misfit
from stages.labels.people.formats import read_answers
from stages.labels.values import Form, value_of

RESULT = {"from_name": "label", "type": "choices", "value": {"choices": ["good"]}}


def studio(**changes: Any) -> str:
    """A task of Label Studio with one annotation; None takes a field away."""
    task = {"data": {}, "annotations": [{"result": [RESULT]}]} | changes
    return json.dumps([{name: value for name, value in task.items() if value is not None}])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'[{"text": "\xe8"}]'),
        ("a.json", b"1e999"),
        ("a.json", b"[1, 2]"),
        ("a.json", b"[" * 100_000),
        ("a.json", b'[{"label": "\\ud800od"}]'),
        ("a.json", studio(data=None).encode()),
        ("a.json", studio(annotations=[{}]).encode()),
        ("a.json", studio(annotations=[{"result": [RESULT | {"value": 5}]}]).encode()),
        ("a.json", studio(annotations=[{"result": [{"from_name": "label"}]}]).encode()),
        ("a.jsonl", b"5"),
        ("a.jsonl", b'{"entities": [{"id": 1}]}'),
        ("a.csv", b"label\n\xff"),
    ],
)
@pytest.mark.parametrize("kind", ["classification", "relations"])
def test_a_file_that_no_tool_writes_is_named(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    """Whatever is wrong with it: the error says which file, and what to do; a field of another task may be anything."""
    path = tmp_path / name
    path.write_bytes(content)
    if kind == "classification" and b"entities" in content:
        assert [told.label for told in read_answers(path, kind)] == [None]
        return
    with pytest.raises(InputError, match="export it again") as raised:
        read_answers(path, kind)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("relations", {"spans": [], "relations": 5}),
        ("relations", {"spans": [{"id": [], "start": 0, "end": 1, "text": "a", "labels": ["x"]}], "relations": []}),
        ("questions", {"start": 0}),
        ("questions", "[[[[0, 1]]]]"),
        ("spans", [{"start": 0, "end": 1, "text": 5, "labels": ["x"]}]),
        ("spans", [{"start": 0, "end": 1, "text": "a", "labels": [{}]}]),
        ("spans", "[" * 100_000),
        ("multilabel", {"choices": 5}),
    ],
)
def test_a_value_of_another_shape_is_a_misfit(kind: Any, label: Any) -> None:
    """Not a mistake of ours."""
    with pytest.raises(Misfit):
        value_of(Form(task="t", kind=kind, labels=["x"], relations=["of"]), label, "a text")
