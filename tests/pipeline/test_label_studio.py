"""A round with the real Label Studio: questions go out, a person answers over HTTP, answers come back once.

The server stands in an environment of its own, with a database that its migrations have made: `make servers`
(about 4 minutes), as `.ci/run` does. It runs on SQLite here, in a folder of the test.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
import yaml

from tests.pipeline.conftest import ROOT, Project

SERVER = ROOT / ".venv-servers/label-studio"
USER, PASSWORD = "ann@example.org", "correct-horse"

pytestmark = pytest.mark.skipif(not (SERVER / "installed").exists(), reason="no server; `make servers` makes one")


KINDS: dict[str, dict[str, Any]] = {
    "people": {"kind": "spans", "labels": ["PER"]},
    "topics": {"kind": "multilabel", "labels": ["home", "news", "war"]},
    "answered": {"kind": "pairs", "labels": ["no", "yes"]},
    "links": {"kind": "relations", "labels": ["PER", "LOC"], "relations": ["in"]},
    "asks": {"kind": "questions"},
    "gist": {"kind": "generation"},
}


class Studio:
    """A person at a running server."""

    def __init__(self, address: str) -> None:
        self._address, self._cookies = address, CookieJar()
        self._open = build_opener(HTTPCookieProcessor(self._cookies)).open
        self._open(f"{address}/user/login/")
        form = {"email": USER, "password": PASSWORD, "csrfmiddlewaretoken": self._token()}
        self._open(f"{address}/user/login/", urlencode(form).encode())

    def _token(self) -> str:
        return next(str(cookie.value) for cookie in self._cookies if cookie.name == "csrftoken")

    def ask(self, method: str, path: str, body: Any = None) -> str:
        """One call of the API; what it answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._token()}
        with self._open(Request(self._address + path, data, headers, method=method)) as answer:
            return str(answer.read().decode())

    def project(self, queue: Path) -> tuple[int, list[dict[str, Any]]]:
        """A project with the tasks of a queue; its id and the tasks as the server has them."""
        interface = queue.with_suffix(".xml").read_text(encoding="utf-8")
        made = json.loads(self.ask("POST", "/api/projects", {"title": queue.stem, "label_config": interface}))
        self.ask("POST", f"/api/projects/{made['id']}/import", json.loads(queue.read_text(encoding="utf-8")))
        return made["id"], json.loads(self.ask("GET", f"/api/tasks?project={made['id']}&fields=all"))["tasks"]

    def annotate(self, task: int, result: list[dict[str, Any]], **more: Any) -> None:
        """Answer one task."""
        self.ask("POST", f"/api/tasks/{task}/annotations/", {"result": result, **more})

    def export(self, project: int, form: str, path: Path) -> str:
        """Export the answers to a file; its path."""
        path.write_text(self.ask("GET", f"/api/projects/{project}/export?exportType={form}"), encoding="utf-8")
        return str(path)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The server, on a free port; it ends with the tests."""
    home = tmp_path_factory.mktemp("studio")
    shutil.copy(SERVER / "label_studio.sqlite3", home)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "HOME": str(home), "LABEL_STUDIO_BASE_DATA_DIR": str(home), "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_USERNAME": USER, "LABEL_STUDIO_PASSWORD": PASSWORD,
    }  # fmt: skip
    environment.pop("PYTHONPATH", None)
    command = [SERVER / "bin/label-studio", "start", "--no-browser", "--port", str(port), "--data-dir", str(home)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, home / "log")
        yield Studio(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; its log where it ended instead."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        try:
            build_opener().open(address, timeout=5)
            return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-2000:])


@pytest.fixture(scope="module")
def asked(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a task of classes, one of spans, a guideline and a document with an emoji; built to `label`."""
    project = Project(tmp_path_factory.mktemp("asked") / "project")
    shutil.copytree(built.folder, project.folder, copy_function=shutil.copy2, symlinks=True)
    settings = project.folder / "params.yaml"
    params = yaml.safe_load(settings.read_text(encoding="utf-8"))
    (opinion,) = params["label"]["tasks"]
    told = {"guideline": "data/guidelines/opinion.md", "sources": ["reviews-1"]}
    params["label"]["tasks"] = [
        opinion | {"guideline": told["guideline"]},
        *({"name": name} | task | told for name, task in KINDS.items()),
    ]
    (reviews,) = [source for source in params["crawl"]["sources"] if source["name"] == "reviews-1"]
    reviews["columns"]["second_text"] = "about"
    settings.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (project.folder / "data/guidelines").mkdir()
    (project.folder / "data/guidelines/opinion.md").write_text("Good or bad?\n")
    text = "Yesterday the family 👩‍👩‍👧 met Anna in the garden, and she was happy to see them all again there."
    with (project.folder / "inbox/1.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"id": "emoji", "text": text, "about": "Who met Anna?"}) + "\n")
    project.repro("label")
    return project


def choice(label: str) -> list[dict[str, Any]]:
    """A result of the interface for classification."""
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [label]}}]


def test_answers_of_a_server_come_back_once(asked: Project, studio: Studio, tmp_path: Path) -> None:
    """Two labels and a skip by JSON; by JSON_MIN and CSV nothing new; then votes, labels and no question again."""
    queue = tmp_path / "opinion.json"
    order = ("label", "queue", "opinion", "--budget", "4", "-o", str(queue))
    assert "4 of 181 documents" in asked.gristmill(*order)
    number, tasks = studio.project(queue)
    studio.annotate(tasks[0]["id"], choice("good"))
    studio.annotate(tasks[1]["id"], choice("bad"))
    studio.annotate(tasks[2]["id"], [], was_cancelled=True)
    files = [studio.export(number, form, tmp_path / name) for form, name in (
        ("JSON", "all.json"), ("JSON_MIN", "min.json"), ("CSV", "flat.csv"),
    )]  # fmt: skip
    assert "3 added (1 of them skips), 0 known" in asked.gristmill("label", "import", "opinion", files[0])
    assert "0 added (0 of them skips), 3 known" in asked.gristmill("label", "import", "opinion", files[0])
    assert "0 added (0 of them skips), 4 known" in asked.gristmill("label", "import", "opinion", *files[1:])
    asked.repro("label", "catalog")
    votes = "SELECT label FROM votes WHERE annotator = 'person:label-studio:1' ORDER BY label"
    assert json.loads(asked.gristmill("sql", votes, "-f", "json")) == [{"label": "bad"}, {"label": "good"}]
    assert "4 of 178 documents" in asked.gristmill(*order)


def test_spans_behind_an_emoji_come_back(asked: Project, studio: Studio, tmp_path: Path) -> None:
    """In characters as the server's page counts today, in UTF-16 units as it used to."""
    queue = tmp_path / "people.json"
    asked.gristmill("label", "queue", "people", "--budget", "100", "-o", str(queue))
    number, tasks = studio.project(queue)
    (task,) = [task for task in tasks if "Anna" in task["data"]["text"]]
    text = task["data"]["text"]
    start = text.index("Anna")
    for offset in (start, len(text[:start].encode("utf-16-le")) // 2):
        value = {"start": offset, "end": offset + 4, "text": "Anna", "labels": ["PER"]}
        studio.annotate(
            task["id"], [{"id": "s", "from_name": "label", "to_name": "text", "type": "labels", "value": value}]
        )
    said = asked.gristmill("label", "import", "people", studio.export(number, "JSON", tmp_path / "all.json"))
    assert "1 added (0 of them skips), 1 known, 0 unanswered, 0 do not fit" in said


def span(text: str, words: str, label: str, key: str) -> dict[str, Any]:
    """A result of the interface for spans."""
    start = text.index(words)
    value = {"start": start, "end": start + len(words), "text": words, "labels": [label]}
    return {"id": key, "from_name": "label", "to_name": "text", "type": "labels", "value": value}


def chosen(*labels: str) -> list[dict[str, Any]]:
    """A result of the interface for one or several classes."""
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [*labels]}}]


@pytest.mark.parametrize(
    ("name", "result", "flat"),
    [
        ("topics", lambda text: chosen("news", "home"), True),
        ("answered", lambda text: chosen("yes"), True),
        ("links", lambda text: [
            span(text, "Anna", "PER", "a"), span(text, "garden", "LOC", "b"),
            {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["in"]},
        ], False),
        ("asks", lambda text: [span(text, "the family", "answer", "a")], True),
        ("gist", lambda text: [{"from_name": "label", "to_name": "text", "type": "textarea",
                                "value": {"text": ["They met."]}}], True),
    ],
)  # fmt: skip
def test_an_answer_of_each_kind_comes_back_once(
    asked: Project, studio: Studio, tmp_path: Path, name: str, result: Any, flat: bool
) -> None:
    """The server takes the interface and the answer; its flat exports say the same, but know no relations."""
    queue = tmp_path / f"{name}.json"
    asked.gristmill("label", "queue", name, "--budget", "200", "-o", str(queue))
    number, tasks = studio.project(queue)
    (task,) = [task for task in tasks if "Anna" in task["data"]["text"]]
    assert task["data"].get("about") == ("Who met Anna?" if name in ("answered", "asks") else None)
    studio.annotate(task["id"], result(task["data"]["text"]))
    said = [
        asked.gristmill("label", "import", name, studio.export(number, form, tmp_path / f"{form}.{ending}"))
        for form, ending in (("JSON", "json"), ("JSON", "json"), ("JSON_MIN", "json"), ("CSV", "csv"))
    ]
    again = "0 added (0 of them skips), 1 known" if flat else "1 do not fit"
    assert [line.splitlines()[0].startswith(start) or start in line for line, start in zip(
        said, ("1 added", "0 added (0 of them skips), 1 known", again, again), strict=True
    )] == [True] * 4, said  # fmt: skip
