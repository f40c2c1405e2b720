"""serve: `gristmill serve` on CPU: latency in an open loop, what dynamic batching brings, and a drain under load.

A network of the size of the default build, its weights made up, answers texts of 3 to 30 words, one a request. Servers
are processes of their own, asked over HTTP by aiohttp in this one, on the same cores. Throughput is that of 64 clients
which ask without a pause, of a server that computes every request by itself and of one with the defaults, in turns.
Both figures need a machine with nothing else to do: `late_p99_ms` is what the client alone was late by, on which no
server has an influence, and the CPU time of a text is the part of the throughput that others cannot take.
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
import psutil

from bench.support.load import Sent, open_loop, poisson, saturated
from bench.support.served import made_up_texts, server, write_run
from stages.model.networks.answering import Classed, opened

RATE, BUSY_RATE = 50, 150  # requests a second: for the latency, and across the drain
CLIENTS = 64
UNBATCHED = ("--batch-texts=1", "--batch-wait=0")
GRACE = 2.0  # seconds


def run(quick: bool) -> dict[str, Any]:
    """Latencies in ms at 50 requests/s, texts/s and CPU ms a text of the server without and with batching, requests
    lost, the largest difference of a served logit from the offline one, and the machine's load before."""
    load = os.getloadavg()[0]
    texts = made_up_texts(500)
    seconds, rounds = (20, 3) if quick else (60, 5)
    with tempfile.TemporaryDirectory(prefix="gristmill-serve-") as folder, chdir(folder):
        weights = write_run("tiny", seed=1)
        with server("tiny", *UNBATCHED) as (other, alone), server("tiny", f"--grace={GRACE}") as (process, batched):
            asyncio.run(saturated(batched, texts, CLIENTS, 1.0))  # connections, caches
            latency = _latency(asyncio.run(open_loop([batched], texts, poisson(RATE, seconds, seed=1))))
            throughput = _throughput({alone: other.pid, batched: process.pid}, texts, rounds)
            difference = asyncio.run(_difference(batched, texts[:200], weights))
            drain = asyncio.run(_drain(process, [batched, alone], texts))
    return {**latency, **throughput, **drain, "logits_difference": difference, "load": round(load, 2)}


def _latency(sent: list[Sent]) -> dict[str, Any]:
    if bad := [one for one in sent if one.status != 200]:
        raise SystemExit(f"{len(bad)} of {len(sent)} requests were not answered: {bad[0]}")
    p50, p99 = np.percentile([1000 * one.seconds for one in sent], [50, 99])
    late = np.percentile([1000 * one.late for one in sent], 99)
    found = {"p50_ms": p50, "p99_ms": p99, "late_p99_ms": late}
    return {"requests": len(sent), **{name: round(float(value), 1) for name, value in found.items()}}


def _throughput(servers: dict[str, int], texts: list[str], rounds: int) -> dict[str, Any]:
    """Texts a second and CPU ms a text, medians of some rounds of 4 seconds; `servers`: address -> process."""
    rates: list[list[float]] = [[] for _ in servers]
    costs: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for place, (address, pid) in enumerate(servers.items()):
            before = _cpu(pid)
            rates[place].append(asyncio.run(saturated(address, texts, CLIENTS, 4.0)))
            costs[place].append(1000 * (_cpu(pid) - before) / (4.0 * rates[place][-1]))
    (alone, together), (cost_alone, cost) = (map(statistics.median, found) for found in (rates, costs))
    return {
        "batching": round(together / alone, 2), "unbatched_per_s": round(alone), "batched_per_s": round(together),
        "unbatched_cpu_ms": round(cost_alone, 2), "batched_cpu_ms": round(cost, 2),
    }  # fmt: skip


def _cpu(pid: int) -> float:
    """CPU seconds that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


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
