"""What strikes a build: SIGKILL, a disk that takes no more, clocks that jump, objects of the cache that rot.

kill     SIGKILL to the build and all its processes, at a random moment
disk     no file of the build can grow beyond some size (RLIMIT_FSIZE): the write fails as on a full disk, without
         the right to mount one
clock    the times of input and output files jump by years, both ways; nothing reads another clock of the machine
cache    a byte of an object in DVC's cache is turned over, in a copy, so that the workspace keeps its own
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import sys

from bench.support.project import Project
from bench.support.soaked import Tally, why

KINDS = ("kill", "kill", "disk", "clock", "cache", "none", "none")
YEARS = 365 * 86400
TORN = re.compile(
    r"dvc\.lock' (validation failed|is invalid)|unable to read.*dvc\.lock|rwlock'.*(corrupted|format error)", re.I
)


class Faults:
    """Builds of a project, with faults that `draws` chooses."""

    def __init__(self, project: Project, tally: Tally, draws: random.Random) -> None:
        self._project, self._tally, self._draws = project, tally, draws

    def build(self) -> None:
        """One build, under a fault or none. Errors: SystemExit where it fails and no fault explains it."""
        kind = self._draws.choice(KINDS)
        if kind == "clock":
            self._jump()
        elif kind == "cache":
            kind = self._rot()
        limit = self._draws.choice((1 << 12, 1 << 15, 1 << 17)) if kind == "disk" else resource.RLIM_INFINITY
        seconds = self._draws.uniform(0.2, 12) if kind == "kill" else None
        status, output = self.command("dvc", "repro", seconds=seconds, limit=limit)
        self._tally.count("faults", kind)
        if status == 0:
            self._tally.count("builds")
            return
        struck = kind in ("kill", "disk", "cache")
        self._tally.count("refused", f"builds: {kind if struck else why(output)}")
        if "Traceback (most recent call last)" in output:
            self._tally.surprise(output)
        if kind == "cache" or TORN.search(output):
            self.mend()

    def command(
        self, *module: str, seconds: float | None = None, limit: int = resource.RLIM_INFINITY
    ) -> tuple[int, str]:
        """Status and output of `python -m module...` in the project, killed after some seconds."""

        def confined() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=self._project.folder, env=self._project.environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=confined,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
        return process.returncode, output

    def mend(self) -> None:
        """What the manual says to type when something is corrupt."""
        self.command("catalog", "fsck", "--all", "--repair")

    def _jump(self) -> None:
        """The times of a third of the files of inbox/ and data/ jump."""
        found = [path for name in ("inbox", "data") for path in (self._project.folder / name).rglob("*")]
        for path in sorted(found):
            if self._draws.random() < 1 / 3:
                with contextlib.suppress(FileNotFoundError):
                    when = path.stat().st_mtime + self._draws.choice((-10, -1, 3)) * YEARS
                    os.utime(path, (when, when))

    def _rot(self) -> str:
        """Turn a byte over in an object of the cache; `none` where there is no object."""
        objects = sorted(
            path for path in (self._project.folder / ".dvc/cache/files/md5").glob("??/*") if path.is_file()
        )
        if not objects:
            return "none"
        path = self._draws.choice(objects)
        content = bytearray(path.read_bytes())
        if not content:
            return "none"
        content[self._draws.randrange(len(content))] ^= 0xFF
        beside = path.with_name(f"{path.name}.rot")
        beside.write_bytes(content)
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
        return "cache"
