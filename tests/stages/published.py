"""The small corpus of tests/catalog with rights: what each kept document may be used for, for the tests of exports.

train_en  CC0; test_zh  its site refuses training; conflict  no licence stated
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.database import ensure_database
from stages.catalog import main
from tests.catalog import small_corpus

RIGHTS: dict[str, dict[str, Any]] = {
    "test_zh": {"rights": [{"signal": "tdm-reservation", "value": "1", "where": "header"}]},
    "conflict": {"licence": "not stated", "source": "forum <b>|"},
}


@pytest.fixture(scope="session")
def built_rights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage was written once; copied by `rights`."""
    root = tmp_path_factory.mktemp("rights")
    captured, text = small_corpus._capture, small_corpus._text

    def capture(name: str) -> dict[str, Any]:
        return captured(name) | RIGHTS.get(name, {})

    def cleaned(name: str) -> dict[str, Any]:
        return text(name) | {"source": capture(name)["source"]}

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GRISTMILL_WORKERS", "1")
        patch.setattr(small_corpus, "_capture", capture)
        patch.setattr(small_corpus, "_text", cleaned)
        Path("params.yaml").write_text("")
        small_corpus.write_corpus()
        main()
        ensure_database()
    return root


@pytest.fixture
def rights(project: Path, built_rights: Path) -> Path:
    """The current directory is that project."""
    shutil.copytree(built_rights, project, dirs_exist_ok=True)
    return project
