"""Who may ask the explorer, and what its answers allow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from bench.support.browsing import served
from catalog.web.explorer import documents, rights
from catalog.web.labelling import rounds
from catalog.web.pages import PAGES
from catalog.web.words import WORDS, language_of


def test_every_answer_has_the_policy(server: str) -> None:
    """Pages, files, errors and refusals alike forbid scripts and frames of others."""
    for path in ("/label", "/static/label.js", "/label/none/none", "/nowhere"):
        answer = httpx2.get(server + path)
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_another_name_or_another_page_is_refused(server: str) -> None:
    """A name that was made to resolve here reads nothing; a form of another site changes nothing."""
    assert httpx2.get(f"{server}/label", headers={"Host": "evil.example"}).status_code == 421
    form = {"annotator": "me", "budget": "1", "by": "random"}
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert httpx2.post(f"{server}/label/mood", data=form, headers=headers).status_code == 403
    assert not rounds.rounds("mood")


def test_mistakes_are_pages_that_say_what_to_do(server: str) -> None:
    """An unknown task, round or question, and a form that lacks something, name what is wrong."""
    ours = {"Origin": server}
    assert "no task nothing" in httpx2.get(f"{server}/label/nothing/x").text
    assert "has no round gone" in httpx2.get(f"{server}/label/mood/gone/1").text
    for form, said in (
        ({"annotator": "me", "budget": "many"}, "many"),
        ({"annotator": " ", "budget": "1"}, "your name"),
    ):
        answer = httpx2.post(f"{server}/label/mood", data=form, headers=ours)
        assert answer.status_code == 409 and said in answer.text
    assert httpx2.get(f"{server}/label/..%2F..%2Fetc/x/1").status_code in (404, 409)


def test_a_server_that_others_reach_wants_its_token(project: Path) -> None:
    """Without the printed link there is nothing; with it, a cookie that scripts cannot read."""
    with served("--host", "0.0.0.0") as link:
        there = f"http://127.0.0.1:{urlsplit(link).port}"
        assert httpx2.get(f"{there}/label").status_code == 401
        assert httpx2.get(f"{there}/label?token=guess").status_code == 401
        with httpx2.Client() as client:
            entered = client.get(f"{there}/?{urlsplit(link).query}")
            assert entered.status_code == 303 and "httponly" in entered.headers["set-cookie"].lower()
            assert client.get(f"{there}/label").status_code == 200


def test_a_port_that_is_taken_is_said(server: str) -> None:
    """The error names the port and what to do."""
    port = str(urlsplit(server).port)
    done = subprocess.run([sys.executable, "-m", "catalog", "ui", "--port", port], capture_output=True, text=True)
    assert done.returncode and f"127.0.0.1:{port}" in done.stderr and "--port" in done.stderr


@pytest.mark.parametrize(
    ("accepted", "language"), [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de,en;q=0.5", "en"), ("", "en"), ("fr", "en")]
)
def test_the_language_is_the_reader_s(accepted: str, language: str) -> None:
    """The first that we speak."""
    assert language_of(accepted) == language


def test_templates_say_only_words_that_there_are(server: str) -> None:
    """Every word is used, and every one used is there, in both languages."""
    folder = Path(rounds.__file__).parents[1]
    templates = "".join(path.read_text() for path in (folder / "templates").glob("*.html"))
    used = set(re.findall(r"say\.(\w+)", templates))
    by_name = {word for word, _, _ in PAGES} | {*rounds.ORDERS, *documents.FILTERS} & WORDS.keys()
    missing = set(re.findall(r'missing="(\w+)"', (folder / "texts.py").read_text()))
    assert used | by_name | missing | {f"by_{kind}" for kind in rights.KINDS} == set(WORDS)
    assert "标注" in httpx2.get(f"{server}/label", headers={"Accept-Language": "zh"}).text
