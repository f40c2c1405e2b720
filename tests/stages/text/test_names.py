"""Names of people, by real spaCy models that the tests make, read through Presidio."""

from __future__ import annotations

import importlib.util
import json
import random
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example

from catalog.errors import InputError, ParameterError
from catalog.layout import MANIFEST, stage_root
from catalog.params import load_params
from catalog.segments import read_manifest
from stages.text.privacy import names
from stages.text.privacy.redact import redact
from stages.web.extract import document
from stages.web.extract_params import ExtractParams
from tests.stages.prose import ENGLISH
from tests.stages.test_clean import built, clean, column
from tests.stages.web.test_extract import captures

__all__ = ["built"]  # a fixture

PEOPLE = {"en": ["Ada Lovelace", "Grace Hopper"], "zh": ["张伟"]}


def listing(folder: Path, language: str, *, label: str = "PERSON", people: list[str] | None = None) -> str:
    """The folder of a model that knows people by a list."""
    pipeline = spacy.blank(language)
    ruler: Any = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": one} for one in people or PEOPLE[language]])
    pipeline.to_disk(folder)
    return str(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A list of people for English, another for Chinese."""
    return {language: listing(tmp_path_factory.mktemp("names") / language, language) for language in PEOPLE}


@pytest.mark.parametrize(
    ("language", "text", "clean"),
    [
        ("en", "So Ada Lovelace met Grace Hopper.", "So <PERSON> met <PERSON>."),
        ("en", "- Ada Lovelace\n- Grace Hopper\n", "- <PERSON>\n- <PERSON>\n"),
        ("en", "Ada Lovelace (ada@example.com), 212-555-0147", "<PERSON> (<EMAIL>), <PHONE>"),
        ("zh", "昨天张伟去了北京，电话13812345678。", "昨天<PERSON>去了北京，电话<PHONE>。"),
        ("fr", "Ada Lovelace est née à Londres.", "Ada Lovelace est née à Londres."),  # no model reads French
    ],
)
def test_names_become_tokens(models: dict[str, str], language: str, text: str, clean: str) -> None:
    """Beside what patterns find, in languages that have a model; the spans say where the tokens stand."""
    redacted, spans = redact(text, names.finder(models, language))
    assert redacted == clean
    assert [redacted[span.start :].startswith(f"<{span.kind}>") for span in spans] == [True] * clean.count("<")


def test_a_model_of_many_languages_reads_any(tmp_path: Path) -> None:
    """It calls people PER, as models trained on WikiNER do."""
    model = listing(tmp_path, "xx", label="PER", people=["Ada Lovelace"])
    assert redact("Ada Lovelace est née à Londres.", names.finder({"fr": model}, "fr"))[0].startswith("<PERSON> est")


def test_a_pattern_wins_over_a_name(tmp_path: Path) -> None:
    """A model that takes an address for a person changes nothing of how addresses are counted."""
    model = listing(tmp_path, "en", people=["ada@example.com"])
    assert redact("to ada@example.com", names.finder({"en": model}, "en"))[0] == "to <EMAIL>"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3 * names.PART), min_size=1, max_size=12), st.sampled_from([" ", "\n", ". "]))
def test_no_name_is_lost_where_a_text_is_cut(models: dict[str, str], gaps: list[int], gap: str) -> None:
    """Wherever the parts of a long text end, each name is found once, and nothing else."""
    text, places = "", []
    for size in gaps:
        text += (gap * size)[:size] + " "
        places.append(len(text))
        text += "Ada Lovelace "
    find = names.finder(models, "en")
    assert find and find(text) == [(at, at + len("Ada Lovelace"), "PERSON") for at in places]


def test_a_name_over_two_lines_keeps_the_break() -> None:
    """No token takes a line break with it, nor the spaces around."""
    assert list(names._lines("x Ada \n\n Lovelace y", 2, 17)) == [(2, 5, "PERSON"), (9, 17, "PERSON")]


def test_a_trained_network_finds_people_it_never_met(tmp_path: Path) -> None:
    """A real recogniser, trained here: the name is told by what stands around it."""
    spacy.util.fix_random_seed(0)
    pipeline, draw = spacy.blank("en"), random.Random(0)
    pipeline.add_pipe("ner")
    pipeline.add_pipe("senter")  # is not loaded
    frames = ["my name is {} and i live here", "we met {} at the station", "a letter from {} came today", "{} said no"]
    texts = [("the river is wide and slow today", [])]
    for first in ("John", "Mary", "Peter", "Anna", "Paul", "Lucy"):
        for last in ("Smith", "Brown", "Miller", "Stone", "Baker"):
            before, after = draw.choice(frames).split("{}")
            whole = f"{first} {last}"
            texts.append((before + whole + after, [(len(before), len(before) + len(whole), "PERSON")]))
    examples = [Example.from_dict(pipeline.make_doc(text), {"entities": spans}) for text, spans in texts]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(12):
        draw.shuffle(examples)
        for start in range(0, len(examples), 4):
            pipeline.update(examples[start : start + 4], sgd=optimizer)
    pipeline.to_disk(tmp_path)
    find = names.finder({"en": str(tmp_path)}, "en")
    assert redact("my name is Jane Carter and i live here", find)[0] == "my name is <PERSON> and i live here"
    assert redact("the river is wide and slow today", find)[0] == "the river is wide and slow today"


def test_a_document_says_no_name_of_its_title_or_author(models: dict[str, str]) -> None:
    """Its title is read as its text is; who wrote it is a name by definition."""
    given = {"title": "Ada Lovelace, a life", "author": "Somebody", "body": f"{ENGLISH} Ada Lovelace.".encode()}
    (capture,) = captures(given).to_pylist()
    plain, named = document(capture, ExtractParams()), document(capture, ExtractParams(names=models))
    assert plain["title"] == "Ada Lovelace, a life" and plain["author"] == "Somebody"
    assert named["title"] == "<PERSON>, a life" and named["author"] is None
    assert named["text"] == plain["text"].replace("Ada Lovelace", "<PERSON>")
    assert named["redacted"][-1]["kind"] == "PERSON" and named["redactions"] == plain["redactions"] + 1
    assert named["text_digest"] != plain["text_digest"]


def test_models_are_part_of_the_recipe(built: Path) -> None:
    """Whoever changes a model extracts again; the versions of what reads it count only where names are asked for."""
    model = listing(Path("people"), "en", people=["miller"])
    clean()
    assert clean(names={}) == []
    assert clean(names={"en": "people"}).count("extract") == 2
    (definition,) = {entry.definition for entry in read_manifest(stage_root("clean") / MANIFEST)
                     if entry.definition and "clean.extract" in entry.definition}  # fmt: skip
    assert json.loads(definition)["libraries"]["presidio-analyzer"] == version("presidio-analyzer")
    assert "every morning the <PERSON> opens the gate" in str(column("text", "text")[0])
    assert clean(names={"en": "people"}) == []
    listing(Path(model), "en", people=["Farmers"])
    assert clean(names={"en": "people"}).count("extract") == 2


@pytest.mark.parametrize(
    ("language", "label", "problem"),
    [("de", "PERSON", "is a model of the language en"), ("en", "ORG", r"finds no people, but \['ORG'\]")],
)
def test_a_model_of_something_else_is_refused(tmp_path: Path, language: str, label: str, problem: str) -> None:
    """The message names the parameter, the model, and what to do."""
    model = listing(tmp_path, "en", label=label)
    with pytest.raises(InputError, match=rf"clean\.names\.{language}: {model} {problem}; correct params\.yaml"):
        names.finder({language: model}, language)


def test_a_missing_model_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the model nor Presidio is fetched: the message says how."""
    with pytest.raises(ParameterError, match=r"`names\.en` is 'en_core_web_xl', .*download en_core_web_xl"):
        load_params("clean", {"names": {"en": "en_core_web_xl"}}, [ExtractParams])
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "presidio_analyzer" else found(name))
    with pytest.raises(ParameterError, match=r"pip install 'gristmill\[presidio\]'"):
        load_params("clean", {"names": {"en": "en_core_web_xl"}}, [ExtractParams])


@pytest.mark.parametrize("wrong", [["en"], {"en": None}, {"en": 3}, "en_core_web_sm"])
def test_what_is_no_mapping_of_languages_to_models_is_refused(wrong: object) -> None:
    """Before anything runs, by name."""
    with pytest.raises(ParameterError, match="names"):
        load_params("clean", {"names": wrong}, [ExtractParams])
