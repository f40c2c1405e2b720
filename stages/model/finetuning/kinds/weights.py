"""Class weights: how much a mistake costs, by how rare the right class is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def balanced(answers: Sequence[int], classes: int) -> Tensor:
    """[classes]: answers / (classes * answers of the class), 1 for each where all are equally common."""
    counts = np.bincount(np.asarray(answers, np.int64), minlength=classes)
    return torch.tensor(len(answers) / (classes * np.maximum(counts, 1)), dtype=torch.float32)
