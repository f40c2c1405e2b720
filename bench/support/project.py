"""A temporary project of real stages under real DVC, whose pages, parameters and code a bench changes and puts back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from bench.support import cpu
from bench.support.debian import Page

TRAINING = ("tokenize", "pretrain", "finetune", "evaluate")
BUILT = ("crawl", "clean", "dedup", "label", "augment", "catalog")
BATCH = 1000  # pages per file
WARM = 50  # pages of the build that compiles
EDIT = b"<p>This sentence was put there by a bench to change the page.</p>"


class Built(NamedTuple):
    """One `dvc repro`: CPU and wall seconds, pages extracted, files written, operators that ran, bytes pushed."""

    cpu: float
    wall: float
    documents: int
    segments: int
    operators: frozenset[str]
    pushed: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"cpu_s": self.cpu, "wall_s": self.wall, "documents": self.documents, "segments": self.segments}


class Project:
    """The project in `folder`, with `pages` in files of BATCH; `undo` takes back every change since the last one."""

    def __init__(self, folder: Path, pages: Sequence[Page]) -> None:
        self.folder, self.count = folder, len(pages)
        self._before: dict[Path, bytes | None] = {}
        self._remote = folder / "remote"
        self.folder = folder / "project"
        self._batches = [list(pages[start : start + BATCH]) for start in range(0, len(pages), BATCH)]
        _copy_code(self.folder)
        (self.folder / "inbox").mkdir()
        self._run("git", "init", "-q")
        self._compile_kernels(list(pages[:WARM]))
        for number in range(len(self._batches)):
            self._write_batch(number, self._batches[number])
        self._before.clear()
        self._run(sys.executable, "-m", "dvc", "remote", "add", "-d", "store", str(self._remote))

    def _compile_kernels(self, pages: list[Page]) -> None:
        """Build a few pages and throw all away: compiling happens once in a clone's life, and is no cost of a build."""
        self._write_batch(0, pages)
        cpu.run([sys.executable, "-m", "dvc", "repro"], self.folder, self.environment())
        for path in (".gristmill", ".dvc/cache", "dvc.lock", *(f"data/{stage}" for stage in BUILT)):
            found = self.folder / path
            found.unlink() if found.is_file() else shutil.rmtree(found)

    def build(self) -> Built:
        """`dvc repro`, measured."""
        old = self._files()
        shutil.rmtree(self.folder / ".gristmill/traces", ignore_errors=True)
        cost = cpu.run([sys.executable, "-m", "dvc", "repro"], self.folder, self.environment())
        ran = [line for line in self._trace() if line["verdict"] == "stale"]
        extracted = sum(line["rows"] - line["reused"] for line in ran if line["operator"] == "clean.extract")
        computed = frozenset(line["operator"] for line in ran if line["rows"] > line["reused"] or not line["rows"])
        return Built(cost.cpu, cost.wall, extracted, len(self._files() - old), computed)

    def commit(self) -> None:
        """Commit everything, as people do after a build: versions are found through git."""
        self._run("git", "add", "-A")
        self._run("git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-qm", "built")

    def push(self) -> int:
        """`dvc push`; the bytes that the remote gained."""
        before = _size(self._remote)
        self._run(sys.executable, "-m", "dvc", "push", "-q")
        return _size(self._remote) - before

    def corpus_bytes(self) -> int:
        """Bytes of all that DVC tracks of the project."""
        return sum((self.folder / path).stat().st_size for path in self._files())

    def append(self, pages: list[Page]) -> None:
        """More pages, in files of their own."""
        for start in range(0, len(pages), BATCH):
            self._write_batch(len(self._batches) + start // BATCH, pages[start : start + BATCH])

    def edit_pages(self, count: int) -> None:
        """One more sentence in `count` pages anywhere."""
        chosen = self._chosen(count)
        self._rewrite(lambda page: (page[0], edited(page[1])) if page[0] in chosen else page, chosen)

    def delete_pages(self, count: int) -> None:
        """`count` pages less, anywhere."""
        chosen = self._chosen(count)
        self._rewrite(lambda page: None if page[0] in chosen else page, chosen)

    def forget_page(self) -> None:
        """One page forgotten, by its address."""
        (name,) = self._chosen(1)
        number = next(n for n, batch in enumerate(self._batches) if any(path == name for path, _ in batch))
        self._save(self.folder / "data/tombstones.jsonl")
        self._run(
            sys.executable, "-m", "catalog", "forget", f"file:{_batch(number)}#{name}", "--reason", "bench", "--yes"
        )

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text, which must be there once, in a file of the project."""
        path = self.folder / name
        content = path.read_text(encoding="utf-8")
        if content.count(old) != 1:
            raise SystemExit(f"{name} holds {content.count(old)} times {old!r}; mend the bench")
        self._save(path)
        path.write_text(content.replace(old, new), encoding="utf-8")

    def undo(self) -> None:
        """Put back every file that was changed."""
        for path, content in self._before.items():
            path.unlink() if content is None else path.write_bytes(content)
        self._before.clear()

    def _chosen(self, count: int) -> set[str]:
        return set(ranked([page for batch in self._batches for page in batch], "changed")[:count])

    def _rewrite(self, change: Any, chosen: set[str]) -> None:
        for number, batch in enumerate(self._batches):
            if any(path in chosen for path, _ in batch):
                self._write_batch(number, [page for page in map(change, batch) if page is not None])

    def _write_batch(self, number: int, pages: list[Page]) -> None:
        path = self.folder / _batch(number)
        self._save(path)
        names, bodies = zip(*pages, strict=True)
        pq.write_table(pa.table({"path": names, "body": pa.array(bodies, pa.binary())}), path, compression="zstd")

    def _save(self, path: Path) -> None:
        self._before.setdefault(path, path.read_bytes() if path.exists() else None)

    def _trace(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / ".gristmill/traces").glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]

    def _files(self) -> set[str]:
        found = (self.folder / "data").rglob("*.parquet")
        return {path.relative_to(self.folder).as_posix() for path in found}

    def environment(self) -> dict[str, str]:
        """The environment of a command in the project: its own code, this Python."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return os.environ | {"PATH": path, "PYTHONPATH": str(self.folder)}

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, env=self.environment(), check=True, stdout=subprocess.DEVNULL)


def ranked(pages: Sequence[Page], salt: str) -> list[str]:
    """Paths in an order that says nothing of them: by digest."""
    return sorted((path for path, _ in pages), key=lambda path: hashlib.sha256(f"{salt}{path}".encode()).hexdigest())


def _batch(number: int) -> str:
    return f"inbox/batch-{number:03}.parquet"


def edited(body: bytes) -> bytes:
    """A page with one more sentence."""
    start, end, rest = body.rpartition(b"</body>")
    return start + EDIT + end + rest if end else body + EDIT


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _copy_code(folder: Path) -> None:
    """The repository's code with its compiled kernels, and its graph and parameters for one source of pages."""
    for name in ("catalog", "stages"):
        shutil.copytree(name, folder / name, copy_function=shutil.copy2)
    for name in (".gitignore", ".dvcignore", ".dvc/config", "data/tombstones.jsonl", "requirements/base.lock"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(name, folder / name)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": _graph()}, sort_keys=False))
    (folder / "params.yaml").write_text(yaml.safe_dump(_params(), sort_keys=False, allow_unicode=True))


def _graph() -> dict[str, Any]:
    whole = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    stages = {name: node for name, node in whole.items() if name not in TRAINING}
    trained = tuple(f"data/{name}" for name in TRAINING)
    stages["catalog"]["deps"] = [dep for dep in stages["catalog"]["deps"] if not dep.startswith(trained)]
    stages["crawl"]["deps"].append("inbox")
    return stages


def _params() -> dict[str, Any]:
    block = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    columns = {"id": "path", "text": "body"}
    source = {"name": "debian", "kind": "files", "path": "inbox", "licence": "various", "format": "parquet",
              "columns": columns, "media_type": "text/html"}  # fmt: skip
    task = {"name": "praise", "kind": "classification", "sources": [], "languages": ["en"],
            "labels": ["negative", "positive"], "functions": ["praises_en", "complains_en"]}  # fmt: skip
    block["crawl"] = {"sources": [source]}
    block["clean"] |= {"presets": {}}
    block["label"]["tasks"] = [task]
    block["augment"] |= {"tasks": ["praise"], "operators": ["delete_words"], "synonyms": {}}
    return {name: block[name] for name in block if name not in TRAINING}
