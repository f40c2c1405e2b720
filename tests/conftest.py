"""What all tests share: an empty project in a temporary folder, the order of files, the names of cases, and the count
of connections that leave this machine: one, and the run fails.
"""

from __future__ import annotations

import os
import py_compile
import shutil
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.outbound import sitecustomize
from tests.outbound.sitecustomize import HOME_OF, NAMED, OWN, handed_on, watch


def pytest_configure(config: pytest.Config) -> None:
    """Watch this process and all that it starts; workers of xdist write where the first process said."""
    if NAMED not in os.environ:
        config.stash[OUTBOUND] = noted = Path(tempfile.mkdtemp(prefix="gristmill-outbound-"), "calls")
        noted.touch()
        copy = shutil.copy2(
            sitecustomize.__file__, noted.parent
        )  # what a stage reads of the project is looked at by tests
        py_compile.compile(str(copy))  # here, since a test whose disk is full would leave half of it
        os.environ |= {NAMED: str(noted), HOME_OF: str(noted.parent)}
        own = {found.address.partition("%")[0] for card in psutil.net_if_addrs().values() for found in card}
        os.environ[OWN] = ",".join(sorted(own))
    os.environ |= handed_on(dict(os.environ)) | SILENT
    sys.addaudithook(watch)


OUTBOUND = pytest.StashKey[Path]()
SILENT = {  # libraries that report to somebody
    "DVC_TEST": "true",  # where a test makes a project by `dvc init`
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # of `datasets`, for a folder too
}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A connection that left makes the run fail."""
    if (noted := session.config.stash.get(OUTBOUND, None)) and noted.stat().st_size:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many there were, and of which tests."""
    if noted := config.stash.get(OUTBOUND, None):
        lines = noted.read_text(encoding="utf-8").splitlines()
        shutil.rmtree(noted.parent)
        terminalreporter.write_line("\n".join([*lines, f"{len(lines)} connections left this machine"]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is an empty project, with one worker and no history."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    (tmp_path / "params.yaml").write_text("")
    return tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few long tests come first: begun last, one of them would keep one worker busy and the other idle.

    Before them come those that compile the kernels, which every copy of the project then takes over.
    """
    kernels = ("text/test_measuring", "stages/test_dedup", "web/test_markup")
    first = (*kernels, "pipeline/test_machine", "pipeline/test_incremental", "pipeline/")
    items.sort(key=lambda item: next((place for place, name in enumerate(first) if name in item.nodeid), len(first)))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes do not name a case: packed ones hold a clock, and each worker must collect the same names."""
    return argname if isinstance(val, bytes) else None
