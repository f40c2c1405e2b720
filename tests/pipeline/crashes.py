"""What the crash tests share: a project without results, and what must be true of it after a crash and a build."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipeline.compared import Builds
from tests.pipeline.forked import STAGES
from tests.pipeline.workbench import OUTPUTS, TORN, differences, locked, outputs

RESULTS = (".gristmill", ".dvc/cache", ".dvc/tmp", *OUTPUTS, "data/crawl", "data/catalog.duckdb", "dvc.lock")
WRITTEN_TO = re.compile(r"failed to reproduce '(\w+)': \[Errno 39\] Directory not empty: '\S+/data/\1(/|')")
SLOW = "\n    import pathlib, time; pathlib.Path('slow').touch(); time.sleep(60)"


class Crashed:
    """A project that is crashed while it is built, in `folder`."""

    def __init__(self, builds: Builds, folder: Path) -> None:
        self.builds, self.folder = builds, folder
        shutil.copytree(builds.start, folder, copy_function=shutil.copy2, symlinks=True, dirs_exist_ok=True)
        for name in RESULTS:
            path = folder / name
            path.unlink(missing_ok=True) if path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def start(self) -> subprocess.Popen[str]:
        """Start a build in the fork server."""
        return self.builds.server.start(self.folder, "dvc", "repro")

    def start_real(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a build of new processes, in a group of its own."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        full = self.builds.server.environment(self.folder) | {"PATH": path} | environment
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"], cwd=self.folder, env=full, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores ^C
        )  # fmt: skip

    def repro(self) -> tuple[int, str]:
        """Build; the exit status and what was printed."""
        return self.builds.server.run(self.folder, "dvc", "repro")

    def rebuild(self, busy: re.Pattern[str]) -> None:
        """Build to the end; a refusal may come because a stage of before still writes, or DVC died in its dvc.lock.

        A stage that still writes is met by its lock, or by DVC, which empties the stage's folder before it starts it.
        """
        end = time.monotonic() + 60
        while True:
            status, output = self.repro()
            if status == 0:
                return
            if TORN.search(output):
                self.mend()
                continue
            assert busy.search(output) or WRITTEN_TO.search(output), output
            assert time.monotonic() < end, output
            time.sleep(0.05)

    def mend(self) -> None:
        """What the manual says to type when DVC cannot read what it was writing."""
        status, output = self.builds.server.run(self.folder, "catalog", "fsck", "--repair")
        assert status == 0, output

    def recorded(self) -> set[str]:
        """Fingerprints of the results that the journal has; the traces of the runs that made them go."""
        shutil.rmtree(self.folder / ".gristmill/traces", ignore_errors=True)
        path = self.folder / ".gristmill/journal.sqlite"
        if not path.exists():
            return set()
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as journal:
            try:
                return {row[0] for row in journal.execute("SELECT fingerprint FROM results")}
            except sqlite3.OperationalError:  # not one table yet
                return set()

    def computed(self) -> dict[str, str]:
        """Fingerprint -> operator, action and reason, of all that the stages which ran since `recorded` computed.

        A trace has a line per action, in the order of the manifest, where part 0 stands for an action.
        """
        found = {}
        for stage in [stage for stage in STAGES if (self.folder / f".gristmill/traces/{stage}.jsonl").exists()]:
            root = "data/crawl/snapshot" if stage == "crawl" else f"data/{stage}"
            rows = pq.read_table(self.folder / root / "manifest.parquet", use_threads=False).to_pylist()
            trace = (self.folder / f".gristmill/traces/{stage}.jsonl").read_text(encoding="utf-8").splitlines()
            actions = [row for row in rows if row["part"] == 0]
            for action, line in zip(actions, map(json.loads, trace), strict=True):
                assert (action["operator"], action["action"]) == (line["operator"], line["action"])
                if line["verdict"] == "stale":
                    found[action["fingerprint"]] = f"{line['operator']} {line['action']}: {line['reason']}"
        return found

    def check(self, known: set[str]) -> None:
        """The bytes of an undisturbed build; nothing that was recorded was computed again; nothing lies about."""
        assert differences(outputs(self.folder), outputs(self.builds.start)) == []
        assert differences(locked(self.folder), locked(self.builds.start)) == []
        again = [name for fingerprint, name in self.computed().items() if fingerprint in known]
        assert again == [], "\n".join(again)
        assert self.left_behind() == []

    def left_behind(self) -> list[str]:
        """Files that only a process which writes them needs."""
        patterns = (".gristmill/objects/tmp-*", ".gristmill/building/*", ".gristmill/*.tmp", "data/**/*.tmp")
        return sorted(str(path) for pattern in patterns for path in self.folder.glob(pattern))

    def slow_down(self, name: str, line: str) -> None:
        """Sleep for a minute after a line of code, once it has said so by a file `slow`."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(line) == 1, f"{name} has not one line {line}"
        path.write_text(text.replace(line, line + SLOW), encoding="utf-8")

    def speed_up(self, name: str) -> None:
        """The function as it was."""
        shutil.copy2(self.builds.start / name, self.folder / name)
        (self.folder / "slow").unlink()

    def wait_for(self, name: str, seconds: float = 60) -> None:
        """Until a file is there."""
        end = time.monotonic() + seconds
        while not (self.folder / name).exists():
            assert time.monotonic() < end, f"{name} did not come"
            time.sleep(0.02)

    def processes(self) -> list[str]:
        """Processes whose current folder is the project."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if Path(os.readlink(process / "cwd")) == self.folder:
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        return found

    def interrupt(self, build: subprocess.Popen[bytes], patience: float = 20) -> float:
        """^C for a build's group; the seconds until no process of the project is left."""
        start = time.monotonic()
        os.killpg(build.pid, signal.SIGINT)
        try:
            build.wait(patience)
            while self.processes() and time.monotonic() < start + patience:
                time.sleep(0.02)
        finally:
            seconds = time.monotonic() - start
            with contextlib.suppress(ProcessLookupError):
                os.killpg(build.pid, signal.SIGKILL)
        return seconds

    def end(self) -> None:
        """End every command in the fork server."""
        self.builds.server.kill()


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """`mount` on a folder, and off it at the end; skips the test where this process may not mount."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not let a test mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mount."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
