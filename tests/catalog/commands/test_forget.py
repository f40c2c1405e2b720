"""The commands `forget` and `audit`: what they ask, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.cli import app
from catalog.erasure.forget import TOMBSTONES, read_tombstones
from catalog.erasure.ledger import LEDGER
from tests.catalog.small_corpus import id_of, uri


def run(*arguments: str) -> str:
    """What a command prints; its errors are raised."""
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, Exception):
        raise done.exception
    return done.output


@pytest.mark.parametrize("how", ["--dry-run", "--reason=once more"])
def test_nothing_is_forgotten_that_nobody_agreed_to(corpus: Path, how: str) -> None:
    """A dry run only shows; where nobody can be asked, `--yes` is wanted."""
    said = run("forget", uri("train_en"), "--reason", "asked", how)
    assert uri("train_en") in said and "trains again: pretrain/mlm" in said
    assert ("`--yes` forgets it" in said) is (how != "--dry-run")
    assert not TOMBSTONES.exists() and not LEDGER.exists()


def test_every_way_to_name_documents_is_one_request(corpus: Path, tmp_path: Path) -> None:
    """Several kinds together; a second time nothing is new."""
    (tmp_path / "list").write_text(f"{id_of('short')}\n")
    options = ("--regex", "/test_", "--domain", "other.test", "--file", str(tmp_path / "list"), "--author", "nobody")
    request = ("forget", *options, "--text-regex", "what it is", "--reason", "opted out", "--yes")
    said = run(*request)
    assert "3 documents of the corpus" in said and "4 newly forgotten" in said and "gristmill audit" in said
    names = {stone.id for stone in read_tombstones() if not stone.host}
    assert names == {id_of("short"), id_of("test_zh"), id_of("conflict")}
    assert "0 newly forgotten" in run(*request)


def test_a_signature_needs_a_certificate(project: Path) -> None:
    """There is nothing else to sign."""
    with pytest.raises(Exception, match="add --certificate DIR"):
        run("audit", "--sign", "key")
