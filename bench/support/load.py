"""Load on a server: requests at the times of a schedule, whatever became of those before (an open loop).

A latency counts from the moment the schedule names, not from when the client came to it: a server that stalls is
charged for everybody who would have waited (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

PATIENCE = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: seconds from its scheduled time to the last byte of its answer, and the answer's status.

    Status 0: no answer, for the reason in `error`. `late`: seconds of them that passed before this client sent it.
    """

    seconds: float
    late: float
    status: int
    error: str = ""


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Times of arrivals in seconds from the start, `rate` a second on average."""
    draws, now, times = random.Random(seed), 0.0, []
    while (now := now + draws.expovariate(rate)) < seconds:
        times.append(now)
    return times


async def open_loop(addresses: Sequence[str], texts: Sequence[str], times: Sequence[float]) -> list[Sent]:
    """Send a text at each of the times to the first server that takes requests, as a balancer would.

    Where one refuses (503), the next one is asked, and so are all after it.
    """
    turned = 0

    async def one(text: str, since: float) -> Sent:
        nonlocal turned
        while True:
            at = turned
            sent = await _sent(session, addresses[at], text, since)
            if sent.status != 503 or at + 1 == len(addresses):
                return sent
            turned = max(turned, at + 1)

    async with _session() as session:
        start = time.perf_counter()
        tasks = []
        for number, at in enumerate(times):
            await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
            tasks.append(asyncio.create_task(one(texts[number % len(texts)], start + at)))
        return await asyncio.gather(*tasks)


async def saturated(address: str, texts: Sequence[str], clients: int, seconds: float) -> float:
    """Texts a second that so many clients get answered, each of which asks for one text after the other."""
    async with _session() as session:
        end, done = time.perf_counter() + seconds, 0

        async def client(number: int) -> None:
            nonlocal done
            while time.perf_counter() < end:
                number += clients
                sent = await _sent(session, address, texts[number % len(texts)], time.perf_counter())
                if sent.status != 200:
                    raise SystemExit(f"the server answered {sent}")
                done += time.perf_counter() < end

        await asyncio.gather(*(client(number) for number in range(clients)))
        return done / seconds


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=PATIENCE)


async def _sent(session: aiohttp.ClientSession, address: str, text: str, since: float) -> Sent:
    late = time.perf_counter() - since
    try:
        async with session.post(f"{address}predict", json={"texts": [text]}) as response:
            found = await response.json()
            whole = len(found.get("answers", [])) == 1
            status = response.status if whole or response.status != 200 else 0
            return Sent(time.perf_counter() - since, late, status)
    except (aiohttp.ClientError, TimeoutError) as error:
        return Sent(time.perf_counter() - since, late, 0, type(error).__name__)
