"""A sequence of changes to a small project, held against a clean build when it ends."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine

from tests.pipeline.conftest import Project
from tests.pipeline.forked import STAGES, ForkServer
from tests.pipeline.workbench import (
    OUTPUTS,
    REPRO,
    TORN,
    Workbench,
    differences,
    fast_folder,
    locked,
    outputs,
    write_project,
)


@dataclass(frozen=True)
class Builds:
    """Where sequences start, the server that runs them, and the server of the clean builds, with another hash seed."""

    start: Path
    server: ForkServer
    clean: ForkServer
    by_dvc: bool = False
    """Is the clean build one of `dvc repro`, or of its stages one after the other, which costs half?"""

    def clean_build(self, folder: Path) -> str:
        """Build an empty clone; what was printed, up to the refusal where there is one."""
        printed = ""
        for module, *arguments in [("dvc", "repro")] if self.by_dvc else [(f"stages.{stage}",) for stage in STAGES]:
            status, output = self.clean.run(folder, module, *arguments)
            printed += output
            if status:
                break
        return printed


@contextlib.contextmanager
def started(folder: Path, code: Path) -> Iterator[Builds]:
    """The small project with the code of `code`, built and committed in `folder`, and its servers."""
    write_project(folder, code)
    servers = ForkServer(folder, seed=1), ForkServer(folder, seed=2)
    try:
        status, output = servers[0].run(folder, "dvc", "repro")
        assert status == 0, output
        Project(folder).commit()
        yield Builds(folder, *servers)
    finally:
        for server in servers:
            server.close()


class Compared(RuleBasedStateMachine):
    """What every sequence shares; `builds` must be set before one runs."""

    builds: ClassVar[Builds]

    def __init__(self) -> None:
        super().__init__()
        self.bench = Workbench(self.builds.start, self.builds.server)
        self.damaged = False  # are there wrong bytes that DVC trusts?

    def built(self) -> str:
        """Build; the refusal, or nothing."""
        status, output = self.bench.sh(REPRO, check=False)
        if TORN.search(output):
            status, output = self.bench.sh(f"rm dvc.lock; {REPRO}", check=False)
        if "Traceback" in output:
            raise self.bench.broken(output)
        if not status and (found := self.bench.forgotten_rows()):
            raise self.bench.broken(f"forgotten, and still there: {found}")
        return refusal(output) if status else ""

    def teardown(self) -> None:
        """The outputs are those of a clean build, and every row is accounted for."""
        try:
            if not self.bench.failed:
                self.compare()
        finally:
            self.bench.close()

    def compare(self) -> None:
        """Build, verify, build an empty clone, compare."""
        if self.damaged:
            self.bench.sh("python -m catalog fsck --all --repair", check=False)
        refused = self.built()
        with tempfile.TemporaryDirectory(prefix="clean-", dir=fast_folder()) as home:
            clean = Path(home)
            self.bench.clean_copy(clean)
            output = self.builds.clean_build(clean)
            if refusal(output) != refused:
                raise self.bench.broken(f"refused here or there only:\n{refused}\nclean build:\n{output}")
            if refused:
                event("refused")
                return
            ours = outputs(self.bench.folder)
            different = differences(ours, outputs(clean))
        different += differences(locked(self.bench.folder), {name: ours[name] for name in OUTPUTS})
        if different:
            raise self.bench.broken("\n".join(["not the bytes of a clean build:", *different]))
        _, verified = self.bench.sh("python -m catalog verify")
        if "WRONG" in verified:
            raise self.bench.broken(verified)


def refusal(output: str) -> str:
    """The first line of the error that a build ended with."""
    lines = [line for line in output.splitlines() if line.startswith(("error: ", "ERROR: "))]
    return lines[0] if lines else ""
