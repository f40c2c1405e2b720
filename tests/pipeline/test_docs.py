"""The generated pages are those of today's code, every link leads somewhere, every command says what it does."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from catalog.cli import app
from catalog.reference import pages
from catalog.schema import SCHEMAS, describe
from docs.navigation import navigation
from stages.publication import params_reference

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "data/README.md"])
COMMAND = re.compile(r"(?:^|`)(gristmill [a-z][^`\n]*)", re.MULTILINE)
LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", pages())
def test_generated_pages_are_current(page: Path) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / page).read_text(encoding="utf-8") == pages()[page]


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_has_a_meaning(table: str) -> None:
    """The unit of a column stands in its field metadata."""
    assert [name for name, _, unit in describe(SCHEMAS[table]) if not unit] == []


def test_help_lists_every_command_with_one_sentence() -> None:
    """`gristmill --help` is the map."""
    help_text = CliRunner().invoke(app, ["--help"]).output
    for command in ("status", "why", "sql", "explain", "verify", "report", "recrawl", "source"):
        assert command in help_text


def test_parameters_are_those_of_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make docs` would change nothing, and no parameter lacks its sentence."""
    monkeypatch.chdir(ROOT)
    page = params_reference.page()
    assert (ROOT / params_reference.PAGE).read_text(encoding="utf-8") == page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not re.split(r"(?<!\\) \| ", row)[3].strip()] == []


@pytest.mark.parametrize("stage", params_reference.BLOCKS)
def test_no_parameter_is_left_out(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of the page are those that the stage itself reads its block into."""

    class Asked(Exception):
        """The stage asks for its parameters."""

    def asks(name: str, block: object, kinds: list[type]) -> None:
        raise Asked(name, set(kinds))

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [stage])
    monkeypatch.setattr("catalog.incremental.stage.load_params", asks)
    with pytest.raises(Asked) as asked:
        importlib.import_module(f"stages.{stage}").main()
    assert asked.value.args == (stage, set(params_reference.BLOCKS[stage]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A file that exists; a heading that it has."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_understood(page: Path) -> None:
    """Parsed as they would be run, in a block or a line of text; a bare name is a command without its arguments."""
    for command in COMMAND.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
        found: click.Command = typer.main.get_command(app)
        words = shlex.split(command, comments=True)[1:]
        while words and isinstance(found, click.Group):
            assert words[0] in found.commands, command
            found = found.commands[words.pop(0)]
        if words and words != ["…"]:
            found.make_context(command, words, resilient_parsing=False)


def anchors(page: str) -> set[str]:
    """What `#` may be followed by, as GitHub and MkDocs make it of headings."""
    heads = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_site_has_every_page_once() -> None:
    """A page that somebody adds is in the navigation without a line here."""
    listed = [page for part in navigation(ROOT / "docs") for pages in part.values() for page in pages]
    assert sorted(listed) == sorted(str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md"))


def test_both_readmes_say_the_same() -> None:
    """Commands, names, links and figures; only the words around them are translated."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8").partition("\n## ")[2] for name in ("README.md", "README.zh.md")
    )
    blocks = re.compile(r"^```(?:sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    *said, tree = blocks.findall(english)
    *again, baum = blocks.findall(chinese)
    without_remarks = [re.sub(r" +# .*", "", block) for block in said]
    assert [re.sub(r" +# .*", "", block) for block in again] == without_remarks
    paths = re.compile(r"\b[a-z]+/|\b\w+\.yaml")
    assert sorted(set(paths.findall(baum))) == sorted(set(paths.findall(tree)))
    for what in (r"`[^`]+`", r"\]\((?!#)[^)]+\)", r"\d[\d,.]*\d|\d"):
        one, other = (sorted(re.findall(what, blocks.sub("", text).replace("\n", " "))) for text in (english, chinese))
        assert one == other, what
