"""Counter-based random numbers: every draw is a pure function of (seed, epoch, document, position).

No generator has a state, so there is nothing to save in a checkpoint, and the draw for one document does not depend
on which other documents are there, on their order, or on the number of processes.
The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def document_keys(ids: Sequence[str]) -> Keys:
    """The 64-bit key of each document id, shape [documents]."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def mixed(values: npt.ArrayLike, salt: npt.ArrayLike) -> Keys:
    """Keys that look independent of `values`, one for each pair of value and salt (broadcast)."""
    with np.errstate(over="ignore"):
        state = np.asarray(values, dtype=np.uint64) ^ (np.asarray(salt, dtype=np.uint64) * _GOLDEN + _GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * _FIRST
        state = (state ^ (state >> np.uint64(27))) * _SECOND
        return np.asarray(state ^ (state >> np.uint64(31)))


def stream(keys: npt.ArrayLike, *salts: int) -> Keys:
    """The keys of one named stream of draws: `keys` mixed with each salt (seed, epoch, purpose) in turn."""
    state = np.asarray(keys, dtype=np.uint64)
    for salt in salts:
        state = mixed(state, np.uint64(salt))
    return state


def uniform(keys: Keys) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each key, from its top 53 bits."""
    return (keys >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """The seed of the dropout masks of one optimiser step in one process, in [0, 2**63)."""
    return int(stream(np.uint64(seed), 0x64726F70, step, *([rank] if rank else []))) >> 1
