"""Every command that README and docs/ show is typed, in the order of its page, against the default corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands.corpus import commit, corpus
from tests.commands.pages import STAND_INS, blocks, typed
from tests.commands.shell import shell
from tests.commands.things import things
from tests.pipeline.conftest import ROOT

PAGES = [str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))]


def test_no_page_with_commands_is_left_out() -> None:
    """A page with a block of commands is typed here, or begins with nothing built (tests/pipeline/test_tutorial.py)."""
    assert {page for page in PAGES if blocks(page)} == {*STAND_INS, "docs/training.md", "docs/tutorial.md"}


@pytest.mark.parametrize("page", PAGES)
def test_no_command_stands_outside_a_block_of_commands(page: str) -> None:
    """A block that is not marked is nothing to type; `make` stands for what CI calls."""
    commands = re.compile(r"(gristmill|dvc|git|python|ssh-keygen|sed) ")
    assert [block for block in blocks(page, "") if commands.match(block)] == []


@pytest.mark.built
@pytest.mark.parametrize("page", STAND_INS)
def test_every_command_of_a_page_works(page: str, tmp_path: Path) -> None:
    """It ends well; what goes on until ^C answers first, and ends by ^C."""
    folder = corpus(tmp_path)
    if page != "README.md":  # which commits it itself
        commit(tmp_path, folder)
    if page == "docs/forgetting.md":
        shell(tmp_path, folder, f"gristmill share --url {tmp_path}/shared; git commit -qam 'A remote'")
    with things(page, tmp_path) as named:
        printed = shell(tmp_path, folder, typed(page, named))
    assert "Traceback (most recent call last)" not in printed
