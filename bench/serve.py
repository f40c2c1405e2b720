"""serve: `gristmill serve` on CPU: latency in an open loop, what dynamic batching brings, and a drain under load.

A network of the size of the default build, its weights made up, answers texts of 3 to 30 words, one a request. Servers
are processes of their own, asked over HTTP by aiohttp in this one, on the same cores. Throughput is that of 64 clients
which ask without a pause, of a server that computes every request by itself and of one with the defaults, in turns.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from bench.support.load import Sent, open_loop, poisson, saturated
from bench.support.served import made_up_texts, server, write_run
from stages.model.answering import Classed, opened

RATE, BUSY_RATE = 50, 150  # requests a second: for the latency, and across the drain
CLIENTS = 64
UNBATCHED = ("--batch-texts=1", "--batch-wait=0")
GRACE = 2.0  # seconds


def run(quick: bool) -> dict[str, Any]:
    """Latencies in ms at 50 requests/s, texts/s without and with batching, requests lost, the largest difference of a
    served logit from the offline one, and the machine's load before."""
    load = os.getloadavg()[0]
    texts = made_up_texts(500)
    seconds, rounds = (20, 3) if quick else (60, 5)
    with tempfile.TemporaryDirectory(prefix="gristmill-serve-") as folder, chdir(folder):
        weights = write_run("tiny", seed=1)
        with server("tiny", *UNBATCHED) as (_, alone), server("tiny", f"--grace={GRACE}") as (process, batched):
            asyncio.run(saturated(batched, texts, CLIENTS, 1.0))  # connections, caches
            latency = _latency(asyncio.run(open_loop([batched], texts, poisson(RATE, seconds, seed=1))))
            throughput = _throughput(alone, batched, texts, rounds)
            difference = asyncio.run(_difference(batched, texts[:200], weights))
            drain = asyncio.run(_drain(process, [batched, alone], texts))
    return {**latency, **throughput, **drain, "logits_difference": difference, "load": round(load, 2)}


def _latency(sent: list[Sent]) -> dict[str, Any]:
    if bad := [one for one in sent if one.status != 200]:
        raise SystemExit(f"{len(bad)} of {len(sent)} requests were not answered: {bad[0]}")
    p50, p99 = np.percentile([1000 * one.seconds for one in sent], [50, 99])
    return {"requests": len(sent), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}


def _throughput(alone: str, batched: str, texts: list[str], rounds: int) -> dict[str, Any]:
    """Texts a second, the median of some rounds of 4 seconds."""
    found: dict[str, list[float]] = {alone: [], batched: []}
    for _ in range(rounds):
        for address, rates in found.items():
            rates.append(asyncio.run(saturated(address, texts, CLIENTS, 4.0)))
    before, after = (statistics.median(rates) for rates in found.values())
    return {"unbatched_per_s": round(before), "batched_per_s": round(after), "batching": round(after / before, 2)}


async def _difference(address: str, texts: list[str], weights: Path) -> float:
    """The largest difference of a served logit from that of one text computed by itself in this process."""
    offline = opened(weights, "cpu", 1)
    assert isinstance(offline, Classed)
    async with aiohttp.ClientSession() as session:

        async def served(text: str) -> list[float]:
            async with session.post(f"{address}predict", json={"texts": [text]}) as response:
                return list((await response.json())["answers"][0]["logits"].values())

        found = np.array(await asyncio.gather(*map(served, texts)))
    expected = np.concatenate([offline.logits([(text, "")]) for text in texts])
    return float(np.abs(found - expected).max())


async def _drain(process: subprocess.Popen[str], addresses: list[str], texts: list[str]) -> dict[str, Any]:
    """Requests without an answer, of those sent while the first server is told to end and the second takes over."""
    times = poisson(BUSY_RATE, 4 + GRACE, seed=2)
    sending = asyncio.create_task(open_loop(addresses, texts, times))
    await asyncio.sleep(2)
    process.terminate()
    sent = await sending
    _, said = await asyncio.to_thread(process.communicate, timeout=30)
    ended = next(line for line in said.splitlines() if " ended: " in line).split(" ended: ")[1]
    lost = sum(one.status != 200 for one in sent)
    return {"lost": lost, "across_drain": len(sent), "drained": ended, "exit_status": process.returncode}
