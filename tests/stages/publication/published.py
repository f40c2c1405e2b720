"""The small corpus of tests/catalog with rights: what each kept document may be used for, for the tests of exports.

train_en  CC0; test_zh  its site refuses training; conflict  no licence stated by the source, one without derivatives by
the page, and dedup removes its first words
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.segments import Segment
from catalog.sql.database import ensure_database
from stages.catalog import main
from tests.catalog import small_corpus
from tests.catalog.small_corpus import id_of

RIGHTS: dict[str, dict[str, Any]] = {
    "test_zh": {"rights": [{"signal": "tdm-reservation", "value": "1", "where": "header"}]},
    "conflict": {
        "licence": "not stated", "source": "forum <b>|",
        "rights": [{"signal": "licence", "value": "https://creativecommons.org/licenses/by-nd/4.0/", "where": "link"}],
    },
}  # fmt: skip
CUT = {
    "id": id_of("conflict"),
    "start": 0,
    "stop": 6,
    "level": "paragraphs",
    "of": id_of("train_en"),
    "effect": "remove",
}


@pytest.fixture(scope="session")
def built_rights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage was written once; copied by `rights`."""
    root = tmp_path_factory.mktemp("rights")
    captured, text, write_stage = small_corpus._capture, small_corpus._text, small_corpus.write_stage

    def capture(name: str) -> dict[str, Any]:
        return captured(name) | RIGHTS.get(name, {})

    def cleaned(name: str) -> dict[str, Any]:
        return text(name) | {"source": capture(name)["source"]}

    def written(stage: str, inputs: list[Segment], tables: list[tuple[str, int | None, small_corpus.Rows]]) -> None:
        write_stage(stage, inputs, [*tables, ("dedup/cuts", 1, [CUT])] if stage == "dedup" else tables)

    with small_corpus.new_project(root) as patch:
        patch.setattr(small_corpus, "_capture", capture)
        patch.setattr(small_corpus, "_text", cleaned)
        patch.setattr(small_corpus, "write_stage", written)
        small_corpus.write_corpus()
        main()
        ensure_database()
    return root


@pytest.fixture
def rights(project: Path, built_rights: Path) -> Path:
    """The current directory is that project."""
    shutil.copytree(built_rights, project, dirs_exist_ok=True)
    return project
