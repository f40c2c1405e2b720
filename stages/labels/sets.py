"""Sets: one set of classes out of several, each class decided by itself.

A class applies where more than half of the votes on a unit name it; where exactly half do, the unit is tied. How sure a
set is, is how sure its least sure class is: the share of the votes that say of it what the set says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.labels.consensus import Ballots, Decision, majority, per_mille
from stages.labels.documents import codes
from stages.labels.values import written


def members(values: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Which class stands in which set: bool of shape (values, classes); `values` as votes write sets."""
    sets = [set(json.loads(value)) for value in values]
    found = [[name in one for name in classes] for one in sets]
    return np.array(found, bool).reshape(len(values), len(classes))


def majority_of_sets(ballots: Ballots, values: pa.Array, classes: Sequence[str]) -> tuple[Decision, pa.Array]:
    """The decision on every unit, and the sets that its codes stand for; the codes of `ballots` stand for `values`."""
    says = members(values.to_pylist(), classes)
    named = np.zeros((ballots.items, len(classes)), np.int64)
    np.add.at(named, ballots.item, says[ballots.label])
    votes = np.bincount(ballots.item, minlength=ballots.items)[:, None]
    sure = per_mille(np.maximum(named, votes - named), np.broadcast_to(votes, named.shape))
    names = np.array(classes, object)
    sets = pa.array([written(sorted(names[row].tolist())) for row in 2 * named > votes], pa.string())
    label, distinct = codes(sets)
    counted = majority(ballots)
    return Decision(
        label=np.where(counted.votes > 0, label, -1),
        confidence=sure.min(axis=1, initial=1000) * (counted.votes > 0),
        votes=counted.votes,
        tied=((2 * named == votes) & (votes > 0)).any(axis=1),
        distinct=counted.distinct,
    ), distinct
