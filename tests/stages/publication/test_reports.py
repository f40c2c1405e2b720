"""Reports: front matter and Croissant that other programs accept, numbers of the catalog, no word that nobody gave."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from catalog.errors import InputError, ParameterError
from stages.catalog import main as catalog
from stages.publication.author import Author
from stages.publication.export import export
from stages.publication.questionnaire import Found, Question, Section, answered
from stages.publication.reports import report
from stages.publication.rows import Columns
from stages.publication.selection import Selection
from stages.publication.training_content import size_range
from tests.catalog.small_corpus import TEXTS, seen, write_files_stage
from tests.stages.publication.published import built_rights, rights

__all__ = ["built_rights", "rights"]

ALLOWED = Selection(allow=("opted_out", "licence_unknown", "licence_no_derivatives"))


def text_of(name: str) -> str:
    """A report of `out`."""
    return (Path("out") / name).read_text(encoding="utf-8")


def test_croissant_is_valid_and_reads_the_rows(rights: Path) -> None:
    """By the reference library: no error, and the records of a file are the texts that are in it."""
    import mlcroissant

    export(Path("out"), "hf", ALLOWED, Columns(), 1)
    found = mlcroissant.Dataset("out/croissant.json")
    assert found.metadata.ctx.issues.errors == set()
    assert {one.name for one in found.metadata.record_sets} == {"train-00000", "train-00001", "test-00000"}
    assert [row["test-00000/text"].decode() for row in found.records("test-00000")] == [TEXTS["test_zh"]]


def test_the_card_has_the_numbers_of_what_is_published(rights: Path) -> None:
    """Languages, licences and size in front; what is left out with its reason; names cannot become markup."""
    export(Path("out"), "hf", Selection(allow=ALLOWED.allow[1:]), Columns(), 1)
    front = yaml.safe_load(text_of("README.md").split("---\n")[1])
    assert (front["language"], front["license"]) == (["en"], ["cc0-1.0", "other"])
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    page = text_of("README.md")
    assert "| opted\\_out | its site refuses that it is trained on | 1 |" in page
    assert "forum &lt;b>\\|" in page and "<b>" not in page


def test_training_content_is_about_what_models_read(rights: Path) -> None:
    """Also where it may not be passed on: both documents of the models, not the one document of the export."""
    export(Path("out"), "hf", Selection(), Columns(), 1)
    page = text_of("TRAINING_CONTENT.md")
    assert "2 documents with" in page and "| mlm | 2 |" in page
    assert "1 document with" in text_of("README.md")


TEMPLATE = """
1. General information
1.1. Provider identification
1.2. Model identification
1.3. Modalities, overall training data size and other characteristics
2. List of data sources
2.1. Publicly available datasets
2.2. Private non-publicly available datasets obtained from third parties
2.2.1. Datasets commercially licensed by rightsholders or their representatives
2.2.2. Private datasets obtained from other third parties
2.3. Data crawled and scraped from online sources
2.4. User data
2.5. Synthetic data
2.6. Other sources of data
3. Data processing aspects
3.1. Respect of reservation of rights from text and data mining exception or limitation
3.2. Removal of illegal content
3.3. Other information (optional)
"""


def test_the_headings_are_those_of_the_template(rights: Path) -> None:
    """All of them, in its order, at a level that follows the number, and none besides."""
    export(Path("out"), "hf", Selection(), Columns(), 1)
    found = [line.split(" ", 1) for line in text_of("TRAINING_CONTENT.md").splitlines() if line.startswith("##")]
    assert [title for _, title in found] == TEMPLATE.strip().splitlines()
    assert all(len(signs) == 1 + len(re.findall(r"\d+", title.split(" ")[0])) for signs, title in found)


@pytest.mark.parametrize("found", [None, lambda _: "Found."])
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("applies", [False, True])
@pytest.mark.parametrize("given", ["", "Given."])
def test_a_question_that_does_not_apply_stands_only_where_it_is_answered(
    found: Found | None, asks: bool, applies: bool, given: str
) -> None:
    """What the catalog has, then what the author says; a gap is marked where the question applies."""
    asked = Question("a", "A?", found, asks, applies=lambda _: applies)
    page = list(
        answered((Section("One", below=(Section("Two", (asked,)),)),), cast(Any, None), Author(answers={"a": given}))
    )
    assert page[:2] == ["## One", "### Two"]
    gap = applies and not given and (asks or not found)
    said = ["Found."] * bool(found and applies) + ["Given."] * bool(given)
    assert [line for line in page[3:] if "card.answers.a" not in line] == said
    assert len(page) == 2 + len(said) + gap + bool(said or gap)


def test_only_the_author_answers_for_the_author(rights: Path) -> None:
    """What is not given is marked as missing; what is given stands as written; a misspelt question is named."""
    report(Path("out"))
    assert "`card.answers.purpose`" in text_of("DATASHEET.md") and not Path("out/croissant.json").exists()
    words = {"name": "Reviews", "answers": {"purpose": "To test.", "eu_provider": "Nobody Ltd."}}
    Path("params.yaml").write_text(yaml.safe_dump({"card": words}))
    report(Path("out"))
    assert "To test." in text_of("DATASHEET.md") and "answers.purpose" not in text_of("DATASHEET.md")
    assert "Nobody Ltd." in text_of("TRAINING_CONTENT.md") and text_of("README.md").count("# Reviews") == 1
    Path("params.yaml").write_text(yaml.safe_dump({"card": {"answers": {"purpos": "x"}}}))
    with pytest.raises(ParameterError, match="did you mean `purpose`"):
        report(Path("out"))


def test_reports_of_an_export_are_written_anew_until_the_corpus_changes(rights: Path) -> None:
    """They are about what was exported; of another catalog they would lie."""
    export(Path("out"), "hf", Selection(), Columns(), 1)
    before = text_of("croissant.json")
    assert json.loads(before)["distribution"][0]["sha256"] == report(Path("out")).files[0].sha256
    assert text_of("croissant.json") == before
    write_files_stage("pretrain", [], {"mlm": seen([])})
    catalog()
    with pytest.raises(InputError, match="export again"):
        report(Path("out"))


@pytest.mark.parametrize(
    ("tokens", "name"),
    [
        (0, "less than 1 billion tokens"),
        (10**9, "1 billion to 10 trillion tokens"),
        (10**13, "more than 10 trillion tokens"),
    ],
)
def test_the_ranges_of_the_template(tokens: int, name: str) -> None:
    """A bound belongs to the range above it."""
    assert size_range(tokens) == name
