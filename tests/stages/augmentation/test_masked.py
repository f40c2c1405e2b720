"""Masked substitution: what a model may propose, what stays, and what is computed again, in the real stage."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from catalog.errors import InputError
from catalog.layout import TRACES
from catalog.segments import read_segments
from stages.augment import main
from stages.augmentation.masked import MaskedModel
from stages.augmentation.negation import negations
from stages.augmentation.proposals import Question, answers, best
from tests.stages.model.model_tables import write_stage

TEXTS = {
    "en": [f"The {a} {b} in York did not like {d} good {c} films about the river yesterday."
           for a in ("old", "young", "happy") for b in ("miller", "teacher", "farmer") for c in ("short", "strange")
           for d in range(12, 18)],
    "zh": [f"昨天{a}在北京没有看到{b}的电影票，我们非常高兴地购买了三本漂亮图书。"
           for a in ("朋友", "老师") for b in ("便宜", "精彩")],
}  # fmt: skip
SPAN = {"en": "York", "zh": "北京"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of random weights with a tokenizer of the texts, saved as `pretrain` saves them."""
    return saved(tmp_path_factory.mktemp("model") / "mlm", "mlm")


def saved(folder: Path, objective: str) -> Path:
    import torch

    from stages.model.networks.architectures import Shape
    from stages.model.networks.network import LanguageModel
    from stages.model.tokens.tokenizer import trained_tokenizer

    learned = trained_tokenizer(
        [text for texts in TEXTS.values() for text in texts] * 3,
        vocabulary=520, lowercase=True, alphabet=120, min_frequency=2,
    )  # fmt: skip
    torch.manual_seed(1)
    shape = Shape(
        layers=1,
        hidden=16,
        heads=2,
        feed_forward=16,
        width=16,
        vocabulary=learned.get_vocab_size(),
        dropout=0.0,
        architecture="gpt" if objective == "clm" else "bert",
    )
    LanguageModel(shape, objective).model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(learned.to_str(), encoding="utf-8")
    return folder


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def upstream(more: str = "") -> dict[str, tuple[str, str]]:
    """clean and label of documents in both languages, each with a span and a mood; (text, language) by id."""
    rows = [(f"{language}{n}", language, text) for language, texts in TEXTS.items() for n, text in enumerate(texts)]
    rows += [("more", "en", more)] if more else []
    columns = {"id": [row[0] for row in rows], "language": [row[1] for row in rows], "text": [row[2] for row in rows]}
    write_stage(
        "clean", {"text": pa.table(columns | {"text_digest": [sha256(t.encode()).hexdigest() for *_, t in rows]})}
    )
    spans = [
        [[text.find(SPAN[language]), text.find(SPAN[language]) + len(SPAN[language]), "LOC"]]
        for _, language, text in rows
    ]
    labels = {
        "id": columns["id"] * 2, "task": ["mood"] * len(rows) + ["names"] * len(rows),
        "split": ["train"] * 2 * len(rows),
        "label": ["good"] * len(rows) + [json.dumps(found) for found in spans],
    }  # fmt: skip
    tasks = {"task": ["mood", "names"], "kind": ["classification", "spans"]}
    write_stage("label", {"labels": pa.table(labels), "tasks": pa.table(tasks)})
    return {name: (text, language) for name, language, text in rows}


def augment(folder: Path, **changed: Any) -> list[tuple[str, int]]:
    """Run the stage; (operator, rows that it computed) of what was stale."""
    block = {
        "tasks": ["mood", "names"], "seed": 1, "operators": [], "alpha": 0.3, "synonyms": {},
        "masked": {"folder": str(folder), "sha256": digest(folder / "model.safetensors"), "top": 3},
    } | changed  # fmt: skip
    Path("params.yaml").write_text(yaml.safe_dump({"augment": block}))
    main()
    lines = [json.loads(line) for line in (TRACES / "augment.jsonl").read_text().splitlines()]
    return [(line["operator"], line["rows"] - line["reused"]) for line in lines if line["verdict"] == "stale"]


def test_words_change_and_spans_negations_and_numbers_stay(project: Path, folder: Path) -> None:
    """Every copy has other words in the same places; its spans read as those of the parent."""
    given = upstream()
    augment(folder)
    rows = [row for segment in read_segments("augment", "substituted") for row in segment.read().to_pylist()]
    assert {(row["task"], given[row["parent"]][1]) for row in rows} == {
        (t, n) for t in ("mood", "names") for n in TEXTS
    }
    for row in rows:
        text, language = given[row["parent"]]
        assert row["text"] != text and negations(row["text"], language) == negations(text, language)
        assert [char for char in row["text"] if char.isnumeric()] == [char for char in text if char.isnumeric()]
        if row["task"] == "names":
            ((start, stop, name),) = json.loads(row["label"])
            assert (row["text"][start:stop], name) == (SPAN[language], "LOC")
        if language == "zh":
            assert len(row["text"]) == len(text)


def test_only_the_batches_of_new_texts_are_asked_again(project: Path, folder: Path) -> None:
    """Nothing the second time; after one more document its batches alone; all with another seed."""
    upstream()
    augment(folder)
    assert augment(folder) == []
    before = {row["id"]: row for part in read_segments("augment", "masked") for row in part.read().to_pylist()}
    upstream("A quite different text about wooden bridges in York and green gardens of the valley.")
    asked = dict(augment(folder))["augment.substitute"]
    after = {row["id"]: row for part in read_segments("augment", "masked") for row in part.read().to_pylist()}
    assert 2 <= asked < len(after) == len(before) + 2
    assert {name: after[name] for name in before} == before
    assert dict(augment(folder, seed=2))["augment.substitute"] == len(after)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("model.safetensors", r"augment\.masked: the sha256 of .* is .*, not "),
        ("tokenizer.json", r"augment\.masked: .* has no tokenizer\.json; copy the whole folder"),
        ("config.json", "was not trained to guess masked words"),
    ],
)
def test_another_model_is_refused(folder: Path, tmp_path: Path, broken: str, message: str) -> None:
    """Other weights than those that were named, half a folder, and a model of another objective."""
    sha = digest(folder / "model.safetensors")
    other = saved(tmp_path / "other", "clm" if broken == "config.json" else "mlm")
    if broken == "model.safetensors":
        sha = "5" * 64
    elif broken == "tokenizer.json":
        (other / broken).unlink()
    else:
        sha = digest(other / "model.safetensors")
    with pytest.raises(InputError, match=message):
        MaskedModel(folder=str(other), sha256=sha).files()


VOCABULARY = [
    "[PAD]",
    "▁film",
    "film",
    "▁Film",
    "▁not",
    "▁two",
    "▁and",
    "▁ab",
    "▁电影",
    "电影",
    "图书",
    "影图",
    "不好",
    "三本",
    "▁story",
]


@pytest.mark.parametrize(
    ("text", "start", "stop", "language", "words"),
    [
        ("a film here", 2, 6, "en", ["▁film", "▁story"]),
        ("film here", 0, 4, "en", ["film"]),
        ("看图书吧", 1, 3, "zh", ["电影", "图书"]),
    ],
)
def test_what_may_answer(text: str, start: int, stop: int, language: str, words: list[str]) -> None:
    """With or without the space before it; in Chinese of the same length; no negation, number or function word."""
    allowed = answers(VOCABULARY, Question("d", 0, text, start, stop, language))
    assert [VOCABULARY[token] for token in allowed] == words


def test_the_best_answers_are_other_words_in_the_same_capitals() -> None:
    """By score, which is rounded, and then by token; the word itself does not count."""
    scores = np.array([9, 1, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1.00001], np.float32)
    allowed = np.array([1, 2, 14])
    assert best(scores, allowed, VOCABULARY, "Tale", 2) == ["Film", "Story"]
    assert best(scores, allowed, VOCABULARY, "film", 2) == ["story"]
