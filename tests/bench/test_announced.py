"""A server that a bench or a test starts: its address is what it says, and one that does not start is told as such."""

from __future__ import annotations

import sys

import pytest

from bench.support.announced import announced
from bench.support.browsing import served

SAYS = "import sys, time; print(sys.argv[1], flush=True); time.sleep(60)"


def test_an_address_is_what_the_first_line_says() -> None:
    command = [sys.executable, "-c", SAYS, "what is kept at home is at http://[::1]:80/ (Ctrl-C ends it)"]
    with announced(command) as (process, address):
        assert address == "http://[::1]:80/" and process.poll() is None
    assert process.returncode


@pytest.mark.parametrize("said", ["", "starting", "it is at "])
def test_another_line_is_no_address(said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="did not say where it is"), announced([sys.executable, "-c", SAYS, said]):
        raise AssertionError("nothing is served")


def test_a_server_that_ends_at_once_is_named_with_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="ended with status 2"), served("--nonsense"):
        raise AssertionError("nothing is served")
    assert "--nonsense" in capfd.readouterr().err
