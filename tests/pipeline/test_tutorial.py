"""docs/tutorial.md and docs/training.md, typed by somebody who has the repository and nothing built."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.commands.pages import blocks
from tests.pipeline.conftest import ROOT, Project, copy_settings


@pytest.fixture
def clone(tmp_path: Path) -> Project:
    """The repository as cloned and installed: its code, graph and parameters, committed."""
    folder = tmp_path / "clone"
    for name in ("catalog", "stages"):  # with compiled kernels, whose cache goes by time of change
        shutil.copytree(ROOT / name, folder / name, copy_function=shutil.copy2)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy2(ROOT / name, folder)
    copy_settings(folder)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text(f'export PATH="{Path(sys.executable).parent}:$PATH"\n')
    project = Project(folder)
    project.run("git", "init", "-q", "-b", "main")
    project.commit()
    return project


def typed(page: str, clone: Project, tmp_path: Path) -> str:
    """What one shell printed that was given every block in order; its server stands at a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = "set -e\ntrap 'kill $server 2>/dev/null || true' EXIT\n" + "\n".join(blocks(page)).replace("8765", port)
    names = {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return clone.run("bash", "-c", script, TMPDIR=str(tmp_path), **names).stdout.replace(port, "8765")


@pytest.mark.slow
def test_every_command_does_what_the_page_says(clone: Project, tmp_path: Path) -> None:
    """Rules drop a copy and the note, one page is extracted again, the version holds no more than what made it."""
    printed = typed("docs/tutorial.md", clone, tmp_path)
    rows = re.findall(r"8765/(\w+)\.html +(kept|dropped) *([a-z_]*)", printed)
    outcomes = {page: outcome if reason == "null" else reason for page, outcome, reason in rows}
    assert (outcomes["index"], outcomes["short"]) == ("kept", "few_words")
    assert {outcomes["oven"], outcomes["copy"]} == {"kept", "exact_duplicate"}
    assert re.search(r"clean\.extract +1 of 1, 4 documents \(3 reused\)", printed)
    (log,) = tmp_path.glob("tmp.*.log")
    assert log.read_text().count('" 304 -') == 3
    committed = clone.run("git", "show", "--name-only", "--format=", "HEAD").stdout.split()
    assert {name for name in committed if not name.endswith(".gitignore")} == {"dvc.lock", "dvc.yaml", "params.yaml"}


@pytest.mark.slow
def test_labels_in_a_file_become_a_model_that_answers(clone: Project, tmp_path: Path) -> None:
    """Every label fits its text, the network finds the names of texts it has not seen, and is served with them."""
    printed = typed("docs/training.md", clone, tmp_path)
    assert re.search(r"reason\n[─ ]+\n0 rows", printed), "no misfits"
    scores = {name: float(value) for name, value in re.findall(r"^(\w+) +span_f1 +([\d.]+)", printed, re.MULTILINE)}
    assert min(scores["scratch"], scores["pretrained"]) > 0.9 and set(scores) > {"lookup"}
    assert re.search(r"model\.onnx +span_f1 [\d.]+ \(\+0\.00 points\)", printed)
    (answers,) = re.findall(r'\{"run": "pretrained-seed-1", "answers": .*\}', printed)
    found = [(span["text"], span["label"]) for span in json.loads(answers)["answers"][0]["spans"]]
    assert found == [("Lena Costa", "person"), ("Jena", "place")]
