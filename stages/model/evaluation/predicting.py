"""The shares that a fine-tuned classifier gives to each class, of any documents: what asking people next is ordered by.

Reads   the files of one run of `finetune`, tokenize/tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from catalog.errors import InputError
from catalog.layout import stage_root
from catalog.segments import read_segments
from stages.model.finetuning.examples import EVERY_SPLIT, from_lists
from stages.model.finetuning.kinds.training import outputs
from stages.model.networks import classifier
from stages.model.runs import checked, find_run
from stages.model.tokens.tokenizing import token_lists
from stages.model.training.loop import device_named


def run_shares(run: str, documents: Sequence[str]) -> tuple[list[str], list[str], np.ndarray]:
    """Those of some documents that have tokens, the classes, and P(class) by a run of finetune: (documents, classes).

    Errors: InputError for a run that does not exist, or is no classifier.
    """
    stage, files = find_run(run, ["finetune"])
    if "classifier.json" not in files:
        raise InputError(f"{run} is no classifier; a run of a classification task gives shares")
    checked(stage, files.values())
    model, description = classifier.load(stage_root(stage) / run)
    model.to(device_named("auto"))
    ids, lists = token_lists(read_segments("tokenize", "tokens"), EVERY_SPLIT)
    wanted = set(documents)
    chosen = [place for place, name in enumerate(ids) if name in wanted]
    ids = [ids[place] for place in chosen]
    unsaid = description.labels[:1] * len(ids)
    data = from_lists(ids, [lists[place] for place in chosen], unsaid, description.labels, description.width)
    scores = np.concatenate(
        [np.zeros((0, len(description.labels)), np.float32), *outputs(model, data, description.width)]
    )
    return ids, description.labels, torch.from_numpy(scores).softmax(1).numpy()
