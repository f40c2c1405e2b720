"""A small project on which every change is a line of shell, kept, so that a failing sequence can be pasted.

Run     python -m tests.pipeline.workbench FOLDER     the project that every sequence starts from, to paste it into
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from catalog.erasure.forget import TOMBSTONES, read_tombstones
from tests.pipeline.conftest import ROOT, copy_settings, graph
from tests.pipeline.edits import base_params, document, line_of, page, written
from tests.pipeline.forked import STAGES, ForkServer

FILES = {"1": range(0, 8), "2": range(20, 26), "3": range(40, 45)}
REPRO = "python -m dvc repro"
# DVC writes dvc.lock and its rwlock in place: whoever dies in that millisecond leaves half of it, to be mended by fsck.
TORN = re.compile(
    r"dvc\.lock' (validation failed|is invalid)|unable to read.*dvc\.lock|rwlock'.*(corrupted|format error)",
    re.IGNORECASE,
)
SMALL_SEGMENTS = ("stages/sources/captures.py", "MAX_ROWS = 500, 2000, 8000", "MAX_ROWS = 4, 6, 8")
OUTPUTS = ("data/crawl/snapshot", *(f"data/{stage}" for stage in STAGES[1:]))
CLOCKS = "data/crawl/log"


def write_project(folder: Path, code: Path = ROOT) -> None:
    """The project before its first build, under git; `code` has its `catalog/` and `stages/`, compiled or not."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("catalog", "stages"):  # with compiled kernels, whose cache goes by time of change
        shutil.copytree(code / name, folder / name, copy_function=shutil.copy2)
    copy_settings(folder)
    path, old, new = SMALL_SEGMENTS  # several segments a file
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new), encoding="utf-8")
    (folder / "dvc.yaml").write_text(yaml.safe_dump(graph(), sort_keys=False))
    (folder / "params.yaml").write_text(written(base_params()), encoding="utf-8")
    (folder / "inbox/pages").mkdir(parents=True)
    for name, numbers in FILES.items():
        lines = "".join(line_of(document(number)) + "\n" for number in numbers)
        (folder / f"inbox/{name}.jsonl").write_text(lines, encoding="utf-8")
    for number in (1, 2, 3):
        (folder / f"inbox/pages/{number}.html").write_text(page(number), encoding="utf-8")
    settings = "git init -q -b main && git config user.name t && git config user.email t@example.org"
    subprocess.run(f"{settings} && git add -A && git commit -qm start", shell=True, cwd=folder, check=True)


class Broken(AssertionError):
    """A promise that did not hold, with the shell lines that led there."""


class Workbench:
    """A copy of the small project, and the lines of shell that were run in it."""

    def __init__(self, start: Path, server: ForkServer) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="workbench-", dir=fast_folder())
        self.folder = Path(self._home.name, "project")
        shutil.copytree(start, self.folder, copy_function=shutil.copy2, symlinks=True)
        self._server = server
        self.lines: list[str] = []
        self.failed = False

    def close(self) -> None:
        """Remove the project."""
        self._home.cleanup()

    def sh(self, line: str, *, check: bool = True, real: bool = False) -> tuple[int, str]:
        """Run a line of shell in the project, commands of Python in the fork server unless `real`; (status, output)."""
        self.lines.append(line)
        environment = self._server.environment(self.folder)
        if real:
            environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, start_new_session=True,
        )  # fmt: skip
        if check and done.returncode:
            raise self.broken(f"status {done.returncode}: {line}\n{done.stdout}")
        return done.returncode, done.stdout

    def broken(self, what: str) -> Broken:
        """An error that tells how to come here again."""
        self.failed = True
        begin = "python -m tests.pipeline.workbench /tmp/again && cd /tmp/again && python -m dvc repro"
        return Broken("\n".join([what, "", "again, in a shell of the repository:", begin, *self.lines]))

    def read(self, path: str) -> list[str]:
        """The lines of a file of the project."""
        return (self.folder / path).read_text(encoding="utf-8").splitlines()

    def inbox(self) -> list[str]:
        """The files of documents, in order."""
        return sorted(f"inbox/{path.name}" for path in (self.folder / "inbox").glob("*.jsonl"))

    def params(self) -> dict[str, Any]:
        """params.yaml as it stands."""
        loaded: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text(encoding="utf-8"))
        return loaded

    def found(self, pattern: str) -> list[str]:
        """The files that a glob finds in the project, in order."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(pattern))

    def forgotten_rows(self) -> list[str]:
        """Files of outputs with the id of a document that was forgotten; at least an id stands in every such row."""
        stones = read_tombstones(self.folder / TOMBSTONES)
        ids = pa.array([stone.id for stone in stones], pa.string())
        files = self.found("data/**/*.parquet") if stones else []
        return [path for path in files if any(pc.any(pc.is_in(one, ids)).as_py() for one in texts(self.folder / path))]

    def clean_copy(self, folder: Path) -> None:
        """The working tree as an empty clone has it: what git tracks, without results, caches or history."""
        listed = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"], cwd=self.folder, capture_output=True, check=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (self.folder / name).exists() and name != "dvc.lock":
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.folder / name, folder / name)
        for kernels in self.folder.glob("stages/**/__pycache__"):  # compiled code of the same sources
            shutil.copytree(kernels, folder / kernels.relative_to(self.folder))
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)


def texts(path: Path) -> list[pa.ChunkedArray]:
    """The columns of a table that hold text."""
    return [column for column in pq.read_table(path, use_threads=False) if column.type == pa.string()]


def locked(folder: Path) -> dict[str, str]:
    """What dvc.lock says of each output, but for the crawl log, which has clocks."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"] if out["path"] != CLOCKS}


def outputs(folder: Path) -> dict[str, str]:
    """md5 of every file of every output, and of every output as DVC names a folder."""
    found = {}
    for name in OUTPUTS:
        paths = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        md5 = {path.relative_to(folder / name).as_posix(): digest(path) for path in paths}
        found |= {f"{name}/{path}": value for path, value in md5.items()}
        listing = json.dumps(
            [{"md5": md5[path], "relpath": path} for path in sorted(md5, key=lambda one: one.split("/"))]
        )
        found[name] = hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"
    return found


def digest(path: Path) -> str:
    """md5 of a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def fast_folder() -> str | None:
    """A folder in memory where there is one: a sequence syncs hundreds of small files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def differences(ours: dict[str, str], clean: dict[str, str]) -> list[str]:
    """What differs between two sets of outputs, in words."""
    return [
        f"{name}: {'only here' if name not in clean else 'only in the clean build' if name not in ours else 'differs'}"
        for name in sorted(ours.keys() | clean.keys())
        if ours.get(name) != clean.get(name)
    ]


def main() -> None:
    """Write the project; see the module."""
    write_project(Path(sys.argv[1]))
    print(f"cd {shlex.quote(sys.argv[1])} && export PYTHONPATH=$PWD && python -m dvc repro")


if __name__ == "__main__":
    main()
