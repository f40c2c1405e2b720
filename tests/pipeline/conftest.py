"""A small real project: its own texts, the repository's stages and graph up to tokenize and catalog, real git and DVC.

It is built once and copied for each test, with its store, so that a test pays for what it changes only.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.pipeline.compared import Builds

ROOT = Path(__file__).parents[2]
MODELS = ("pretrain", "finetune", "evaluate")
WORDS = [
    "river",
    "mountain",
    "garden",
    "window",
    "morning",
    "quiet",
    "silver",
    "machine",
    "letter",
    "island",
    "carries",
    "under",
    "between",
    "around",
    "slowly",
    "the",
    "a",
    "of",
    "and",
    "to",
    "with",
    "that",
    "have",
    "bright",
    "small",
    "heavy",
    "famous",
    "gentle",
    "old",
    "reads",
    "writes",
    "builds",
    "finds",
    "keeps",
    "opens",
]
HAN = "天地人山水火木金土日月风雨花草鸟鱼虫书画琴棋诗酒茶米油盐酱醋的了是在有不这我他们来去说看想"


class Project:
    """A project folder and what a user does in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        full = os.environ | {"PATH": path, "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"} | environment
        done = subprocess.run(command, cwd=self.folder, env=full, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def repro(self, *stages: str, check: bool = True, **environment: str) -> str:
        """`dvc repro`; what it printed."""
        done = self.run(sys.executable, "-m", "dvc", "repro", *stages, check=check, **environment)
        return done.stdout + done.stderr

    def gristmill(self, *arguments: str, check: bool = True) -> str:
        """A command of gristmill; what it printed."""
        done = self.run(sys.executable, "-m", "catalog", *arguments, check=check)
        return done.stdout + done.stderr

    def commit(self) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "change")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file; it must be there."""
        path = self.folder / name
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new), encoding="utf-8")

    def add_file(self, number: int, content: str) -> None:
        """One more source, as a user adds it."""
        (self.folder / f"inbox/{number}.jsonl").write_text(content, encoding="utf-8")
        columns = "columns={text: text, id: id, label: label}"
        settings = ("--set", f"path=inbox/{number}.jsonl", "--set", columns)
        self.gristmill("source", "add", f"reviews-{number}", "--kind", "files", "--licence", "CC0-1.0", *settings)

    def trace(self, stage: str) -> list[tuple[str, str, str]]:
        """(operator, verdict, reason) of each action of the last run of a stage."""
        return [(line["operator"], line["verdict"], line["reason"]) for line in self.lines(stage)]

    def lines(self, stage: str) -> list[dict[str, Any]]:
        """The trace of the last run of a stage, a mapping per action."""
        text = (self.folder / f".gristmill/traces/{stage}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def stale(self, stage: str) -> list[str]:
        """The operators that the last run of a stage computed, once per action."""
        return [operator for operator, verdict, _ in self.trace(stage) if verdict == "stale"]

    def digests(self) -> dict[str, str]:
        """Digest of each output that dvc.lock records, but for the crawl log, which has clocks."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        outs = {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}
        outs.pop("data/crawl/log", None)
        return outs

    def files(self) -> dict[str, bytes]:
        """Every file of data/ that DVC tracks, with its bytes, but for the crawl log."""
        found = sorted((self.folder / "data").rglob("*.parquet"))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found if "crawl/log" not in str(path)}


def texts(seed: int, count: int) -> str:
    """`count` made-up reviews as JSON lines, half English and half Chinese, each with a label and no twin."""
    choose = random.Random(seed)
    lines = []
    for number in range(count):
        if number % 2:
            text = "".join(choose.choice(HAN) for _ in range(40))
        else:
            text = " ".join(choose.choice(WORDS) for _ in range(30)).capitalize() + "."
        lines.append(json.dumps({"id": f"{seed}-{number}", "text": text, "label": ["bad", "good"][number % 3 == 0]}))
    return "\n".join(lines) + "\n"


def graph() -> dict[str, Any]:
    """The repository's dvc.yaml without the stages that train models."""
    whole = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    stages = {name: node for name, node in whole["stages"].items() if name not in MODELS}
    stages["catalog"]["deps"] = [
        dep for dep in stages["catalog"]["deps"] if not dep.startswith(tuple(f"data/{m}" for m in MODELS))
    ]
    stages["crawl"]["deps"].append("inbox")
    return {"stages": stages}


def params() -> dict[str, Any]:
    """The repository's parameters for one small source, labelled, with augmentation that needs no lexicon."""
    block = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    columns = {"text": "text", "id": "id", "label": "label"}
    sources = [
        {"name": f"reviews-{n}", "kind": "files", "path": f"inbox/{n}.jsonl", "licence": "CC0-1.0", "columns": columns}
        for n in (1, 2, 3)
    ]
    block["crawl"] = {"sources": sources}
    block["clean"] |= {"preset": "short", "presets": {}}
    block["label"]["tasks"] = [
        {"name": "opinion", "kind": "classification", "sources": [], "labels": ["bad", "good"], "given": {}}
    ]
    block["augment"] |= {"tasks": ["opinion"], "operators": ["delete_words"], "synonyms": {}}
    block["tokenize"] |= {"vocabulary": 600, "alphabet": 200, "sources": [source["name"] for source in sources]}
    return {name: block[name] for name in block if name not in MODELS}


def copy_settings(folder: Path) -> None:
    """What a project has besides its code, graph and parameters."""
    for name in (".gitignore", ".dvcignore", ".dvc/config", "data/tombstones.jsonl", "requirements/base.lock"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, built and committed, by the worker that asks first, for all of them. Copy it, do not change it."""
    session = tmp_path_factory.getbasetemp()
    session = session.parent if "PYTEST_XDIST_WORKER" in os.environ else session
    folder = session / "built/project"
    with (session / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (session / "built/done").exists():
            shutil.rmtree(folder.parent, ignore_errors=True)  # of a worker that failed
            write_project(folder)
            (session / "built/done").touch()
    return Project(folder)


def write_project(folder: Path) -> None:
    """Write, build and commit the project."""
    folder.mkdir(parents=True)
    for name in ("catalog", "stages"):  # with compiled kernels, whose cache goes by time of change
        shutil.copytree(ROOT / name, folder / name, copy_function=shutil.copy2)
    copy_settings(folder)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(graph(), sort_keys=False))
    (folder / "params.yaml").write_text(yaml.safe_dump(params(), sort_keys=False, allow_unicode=True))
    (folder / "inbox").mkdir()
    for seed in (1, 2, 3):
        (folder / f"inbox/{seed}.jsonl").write_text(texts(seed, 60), encoding="utf-8")
    project = Project(folder)
    project.run("git", "init", "-q", "-b", "main")
    project.repro()
    project.commit()


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of the built project to change."""
    folder = tmp_path / "project"
    shutil.copytree(built.folder, folder, copy_function=shutil.copy2, symlinks=True)
    return Project(folder)


@pytest.fixture(scope="session")
def builds(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """A smaller project, built and committed, and two servers for its code. Copy it, do not change it."""
    from tests.pipeline.compared import started

    with started(tmp_path_factory.mktemp("small") / "project", built.folder) as small:
        yield small
