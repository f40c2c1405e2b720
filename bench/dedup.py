"""dedup: near-duplicates against the peers, on the same real texts, in one run.

Texts are those of Debian's documentation packages in 20 languages (bench/support/texts.py). Every figure is CPU seconds
of one process and its children, from texts in memory to the result; `make bench-peers` first.

    minhash_mb_s           raw text -> signatures of 112 permutations, MB of UTF-8 per CPU second
    minhash_vs_datasketch  raw text -> signatures by datasketch's own batch method (MinHash.bulk), word 5-grams made in
                           Python; on the same shingle hashes its bits must equal ours
    minhash_vs_datasketch_update, minhash_vs_datasketch_update_batch    the same by the two methods that its
                           documentation shows: `update` for each shingle, `update_batch` for each text
    minhash_vs_rensa       raw text -> signatures, rensa in its own environment. Both peers split at spaces, so that
                           Chinese and Japanese texts cost them nearly nothing
    exact_vs_duckdb        raw text -> which texts are distinct by SHA-256, in DuckDB's SQL
    near_vs_text_dedup, near_vs_datatrove, near_vs_data_juicer   raw text -> which documents are kept, peers' own
                           programs; data-juicer's too splits at spaces
    recall_gap             points below 1 - (1 - s^8)^14 in the worst bin of s >= 0.85, on copies with planted edits
    precision              share of the dropped that share `min_jaccard` of their shingles with another of their cluster
    cluster_s, cluster_gb  signatures of made-up clusters (10 million; 1 million in a quick run) -> clusters: CPU
                           seconds, and the most memory of the process that does nothing else
    cluster_gb_per_million what each further million takes, between three tenths of them and all; that of the whole
                           global step, with ids and digests, is measured by `python -m bench scale`
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from datasketch import MinHash
from numpy.typing import NDArray

from bench.support.alone import alone, peak
from bench.support.edited import edited
from bench.support.peers import run_peer
from bench.support.texts import Text, texts, write_jsonl
from stages.text.minhash.clusters import Evidence, connect, per_mille, shingle_sets
from stages.text.minhash.lsh import catch_probability, in_shared_bucket
from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signatures import signatures

QUICK, WHOLE = 3000, 20_000  # pages
PERMUTATIONS, BANDS, ROWS, WIDTH, MIN_JACCARD = 112, 14, 8, 5, 0.8
SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
DATASKETCHED = 300  # texts; datasketch is slow


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    rows = texts(QUICK if quick else WHOLE)
    column = pa.array([text for _, text in rows], pa.large_string())
    _near(column.slice(0, 10))  # compiles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "texts.jsonl")
        write_jsonl(rows, path)
        peers = {
            "rensa": run_peer("rensa", "rensa_signatures", str(path)),
            "text_dedup": run_peer("text_dedup", "text_dedup_minhash", str(path)),
            "datatrove": run_peer("datatrove", "datatrove_minhash", str(path)),
            "data_juicer": run_peer("data_juicer", "data_juicer_minhash", str(path)),
        }
    return _speed(column, peers) | _quality(rows) | _grown(1_000_000 if quick else 10_000_000) | {"peers": peers}


def _speed(column: pa.Array, peers: dict[str, Any]) -> dict[str, Any]:
    megabytes = column.nbytes / 1e6
    signing = min(_cpu(_signed, column) for _ in range(3))
    near = min(_cpu(_near, column) for _ in range(3))
    sketched = _datasketched(column.slice(0, DATASKETCHED))
    return {
        "texts": len(column), "megabytes": round(megabytes, 1), "minhash_mb_s": round(megabytes / signing, 1),
        **{f"minhash_vs_{name}": round(ratio, 1) for name, ratio in sketched.items()},
        "minhash_vs_rensa": round(peers["rensa"]["cpu_s"] / signing, 1),
        **_exact(column), "near_cpu_s": round(near, 2), "near_kept": int(_near(column)),
        **{
            f"near_vs_{name}": round(peers[name]["cpu_s"] / near, 1)
            for name in ("text_dedup", "datatrove", "data_juicer")
        },
    }  # fmt: skip


def _cpu(run: Any, *arguments: Any) -> float:
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


def _signed(column: pa.Array) -> NDArray[np.uint32]:
    hashed = shingle_hashes(column, words=WIDTH, characters=WIDTH)
    return signatures(*hashed, num_perm=PERMUTATIONS, seed=1)


def _near(column: pa.Array) -> int:
    """Raw text -> how many documents are kept, as stages/duplicates does it within one segment."""
    return len(set(_clusters(column)[0].tolist()))


def _clusters(column: pa.Array, *, every: bool = False) -> tuple[NDArray[np.int64], Evidence]:
    """For each text the first of its cluster, and what all were compared by; texts in the order given.

    `every`: with the shingles of those that are compared with nothing, too, so that a miss is seen.
    """
    offsets, hashes = shingle_hashes(column, words=WIDTH, characters=WIDTH)
    signed = signatures(offsets, hashes, num_perm=PERMUTATIONS, seed=1)
    lengths = np.where(every | in_shared_bucket(signed, BANDS, ROWS), np.diff(offsets), 0)
    wanted = np.repeat(lengths > 0, np.diff(offsets))
    sets = shingle_sets(np.concatenate(([0], np.cumsum(lengths))), hashes[wanted])
    evidence = Evidence(signed, *sets, True)
    return connect(evidence, len(signed), bands=BANDS, rows=ROWS, min_jaccard=MIN_JACCARD), evidence


def _exact(column: pa.Array) -> dict[str, Any]:
    """Distinct texts by SHA-256: digests and their order, as `clean` and `dedup` have them, against DuckDB's."""

    def ours() -> int:
        return len(np.unique([hashlib.sha256(text.encode()).digest() for text in column.to_pylist()]))

    def theirs() -> int:
        return len(connection.execute("SELECT min(text) FROM texts GROUP BY sha256(text)").fetchall())

    connection = duckdb.connect()
    connection.register("texts", pa.table({"text": column}))
    if ours() != theirs():
        raise SystemExit(f"{ours()} texts are distinct, DuckDB says {theirs()}")
    ratio = min(_cpu(theirs) for _ in range(3)) / min(_cpu(ours) for _ in range(3))
    return {"exact_vs_duckdb": round(ratio, 1), "exact_kept": ours(), "duckdb": duckdb.__version__}


def _datasketched(column: pa.Array) -> dict[str, float]:
    """How much longer datasketch takes from the same raw texts, by each of its methods.

    Errors: SystemExit if its bits differ from ours.
    """
    offsets, hashes = shingle_hashes(column, words=WIDTH, characters=WIDTH)
    groups = [hashes[first:last].tolist() for first, last in pairwise(offsets)]
    theirs = MinHash.bulk(groups, num_perm=PERMUTATIONS, seed=1, hashfunc=lambda value: value)
    if not np.array_equal(_signed(column), [one.hashvalues for one in theirs]):
        raise SystemExit("signatures differ from datasketch's; see tests/stages/text/test_minhash.py")
    ours = min(_cpu(_signed, column) for _ in range(5))
    rows = column.to_pylist()
    return {f"datasketch{name}": _cpu(way, rows) / ours for name, way in SKETCHING.items()}


def _grams(rows: list[str]) -> list[list[bytes]]:
    """Word 5-grams as datasketch's users make them."""
    words = [text.lower().split() for text in rows]
    return [[" ".join(row[at : at + WIDTH]).encode() for at in range(max(1, len(row) - WIDTH + 1))] for row in words]


def _sketch_bulk(rows: list[str]) -> None:
    MinHash.bulk(_grams(rows), num_perm=PERMUTATIONS, seed=1)


def _sketch_batches(rows: list[str]) -> None:
    for grams in _grams(rows):
        MinHash(num_perm=PERMUTATIONS, seed=1).update_batch(grams)


def _sketch_one_by_one(rows: list[str]) -> None:
    for grams in _grams(rows):
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1)
        for gram in grams:
            sketch.update(gram)


SKETCHING = {"": _sketch_bulk, "_update_batch": _sketch_batches, "_update": _sketch_one_by_one}


def _quality(rows: list[Text]) -> dict[str, Any]:
    """Recall on pairs (text, edited copy) by their true similarity, and precision on all texts with their copies."""
    long = [text for _, text in rows if 100 <= len(text.split(" ")) <= 3000]
    pairs = [(text, edited(text, SIMILARITIES[n % len(SIMILARITIES)], n)) for n, text in enumerate(long)]
    column = pa.array([text for pair in pairs for text in pair], pa.large_string())
    order = np.argsort([-len(text) for pair in pairs for text in pair], kind="stable")
    first, evidence = _clusters(column.take(pa.array(order)), every=True)
    place = np.argsort(order)
    one, other = place[0::2], place[1::2]
    similarity = per_mille(evidence, one, other) / 1000
    joined = first[one] == first[other]
    gap, curve = _gap(similarity, joined)
    return {"recall_gap": gap, "precision": _precision(first, evidence), "pairs": len(pairs), "recall": curve}


def _gap(similarity: NDArray[np.float64], joined: NDArray[np.bool_]) -> tuple[float, dict[str, list[float]]]:
    """Points that recall lies below theory, in the worst bin from 0.85; and (recall, theory, pairs) of every bin."""
    bins: dict[str, list[int]] = defaultdict(list)
    for position, value in enumerate(similarity):
        bins[f"{int(value * 20) / 20:.2f}"].append(position)
    curve, worst = {}, 0.0
    for name in sorted(bins):
        theory = float(np.mean([catch_probability(similarity[at], BANDS, ROWS) for at in bins[name]]))
        recall = float(joined[bins[name]].mean())
        curve[name] = [round(recall, 4), round(theory if float(name) >= MIN_JACCARD else 0.0, 4), len(bins[name])]
        if float(name) >= 0.85:
            worst = max(worst, 100 * (theory - recall))
    return round(worst, 2), curve


def _precision(first: NDArray[np.int64], evidence: Evidence) -> float:
    """Share of the dropped texts that are similar enough to some other text of their cluster."""
    members: dict[int, list[int]] = defaultdict(list)
    for text, head in enumerate(first.tolist()):
        members[head].append(text)
    right = dropped = 0
    for head, cluster in members.items():
        for text in cluster:
            if text != head:
                others = np.array([one for one in cluster if one != text])
                right += per_mille(evidence, np.full(len(others), text), others).max() >= 1000 * MIN_JACCARD - 1
                dropped += 1
    return round(right / max(1, dropped), 4)


def _grown(count: int) -> dict[str, Any]:
    """Clusters of `count` signatures, and what memory they take beside fewer of them."""
    fewer, all_ = (alone(_clustering, size) for size in (3 * count // 10, count))
    grown = (all_["cluster_gb"] - fewer["cluster_gb"]) / (0.7 * count / 1e6)
    return all_ | {"cluster_gb_per_million": round(grown, 2)}


def _clustering(count: int) -> dict[str, Any]:
    """Clusters of `count` made-up signatures, a fifth of them copies of another with a tenth of the values changed."""
    generator = np.random.default_rng(1)
    signed = generator.integers(0, 1 << 32, (count, PERMUTATIONS), np.uint32)
    copies = count // 5
    signed[count - copies :] = signed[:copies]
    for column in range(0, PERMUTATIONS, 10):
        signed[count - copies :, column] = generator.integers(0, 1 << 32, copies, np.uint32)
    start = time.process_time()
    wanted = in_shared_bucket(signed, BANDS, ROWS)
    offsets = np.concatenate(([0], np.cumsum(np.where(wanted, 16, 0))))
    same = np.where(np.arange(count) >= count - copies, np.arange(count) - (count - copies), np.arange(count))[wanted]
    evidence = Evidence(signed, offsets, (same[:, None] * 16 + np.arange(16)).astype(np.uint32).ravel(), True)
    first = connect(evidence, count, bands=BANDS, rows=ROWS, min_jaccard=MIN_JACCARD)
    seconds = time.process_time() - start
    joined = int((first != np.arange(count)).sum())
    return {
        "cluster_signatures": count,
        "cluster_s": round(seconds, 1),
        "cluster_gb": round(peak() / 2**30, 2),
        "cluster_joined": joined / copies,
    }
