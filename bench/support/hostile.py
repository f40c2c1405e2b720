"""What the fetch layer makes of a server that misbehaves in fifteen ways (bench/support/hostile_server.py).

Run     python -m bench.support.hostile [BEHAVIOUR ...]   one JSON line per behaviour, measured in this process
`run_matrix` starts that command, so that the memory it measures is the fetch layer's and not the caller's.
A behaviour is bounded when the fetch ends within SECONDS and MEGABYTES, for the reason that is expected: a bomb that
is refused for another reason says nothing about the bound it was made to test.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.support.alone import fresh_peak, peak
from bench.support.hostile_server import BOMB, Hostile, brotli_of_zeros, gzip_of_zeros, hostile_server, zstd_of_zeros
from stages.web.egress import parse_networks
from stages.web.fetch import Fetcher, FetchError, Manners

SECONDS, MEGABYTES = 2.0, 200.0  # what one behaviour may take
QUICK = Manners(user_agent="gristmill/bench", delay=0, timeout=1.5, attempts=1, header_timeout=0.5, grace=0.5)
"""The bounds of size are the defaults; those of time are short, so that fifteen waits are a bench and not a day."""
LOOPBACK = parse_networks(("127.0.0.0/8",))
EXPECTED = {
    "gzip_bomb": "too large",
    "br_bomb": "too large",
    "double_gzip": "more than one content coding",
    "endless_body": "too large",
    "slow_body": "too slow",
    "slow_headers": "timeout",
    "header_bomb": "not HTTP",
    "huge_length": "too large",
    "truncated_body": "body broken off",
    "redirect_loop": "redirect loop",
    "redirect_file": "redirect to what is not an http URL",
    "redirect_port": "refused address: port",
    "length_and_chunks": "not HTTP",
    "silent_handshake": "timeout",
    "bad_certificate": "no trusted certificate",
}
"""The matrix: behaviour -> how the outcome begins (notes' table 1.1)."""
MATRIX = tuple(EXPECTED)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one fetch of a behaviour ended, and what it took."""

    behaviour: str
    outcome: str
    seconds: float
    megabytes: float

    @property
    def bounded(self) -> bool:
        """Did it end in time and memory, for the reason it was made for?"""
        within = self.seconds < SECONDS and self.megabytes < MEGABYTES
        return within and self.outcome.startswith(EXPECTED.get(self.behaviour, "\0"))


async def endings(names: Sequence[str] = MATRIX, manners: Manners = QUICK) -> list[Ending]:
    """Fetch each behaviour once, in this process."""
    async with hostile_server() as hostile, Fetcher(manners, LOOPBACK, ports=hostile.ports) as fetcher:
        return [await _ending(fetcher, hostile, name) for name in names]


async def _ending(fetcher: Fetcher, hostile: Hostile, name: str) -> Ending:
    for bomb in (gzip_of_zeros, brotli_of_zeros, zstd_of_zeros):
        bomb(BOMB)  # made before the clock starts
    before, started = fresh_peak(), time.perf_counter()
    try:
        answer = await fetcher.follow(hostile.url(name))
        outcome = f"status {answer.status}, {len(answer.body)} bytes"
    except FetchError as error:
        outcome = str(error)
    return Ending(name, outcome, round(time.perf_counter() - started, 3), round((peak() - before) / 2**20, 1))


def measured(names: Sequence[str] = MATRIX) -> list[Ending]:
    """`endings` of a fresh process."""
    command = [sys.executable, "-m", "bench.support.hostile", *names]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return [Ending(**json.loads(line)) for line in done.stdout.splitlines()]


def run_matrix(names: Sequence[str] = MATRIX) -> list[tuple[str, str, float, bool]]:
    """(behaviour, outcome, seconds, bounded) of each behaviour."""
    return [(one.behaviour, one.outcome, one.seconds, one.bounded) for one in measured(names)]


def main() -> None:
    """Measure and print."""
    for ending in asyncio.run(endings(sys.argv[1:] or MATRIX)):
        print(json.dumps(asdict(ending)))


if __name__ == "__main__":
    main()
