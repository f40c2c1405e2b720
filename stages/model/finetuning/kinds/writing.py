"""What both networks that write texts share: writing many at once, and what must be known to write again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from stages.model.finetuning.params import WritingParams
from stages.model.networks.decoding import Writer, written
from stages.model.tokens.tokenizer import PAD_ID, SEP_ID
from stages.model.training.batches import Ints

ROWS = 32  # texts that are written at once


def positions(rows: Sequence[Ints], device: torch.device, before: bool = False) -> Tensor:
    """Token lists as one tensor [rows, longest], padded at their end, or `before` them."""
    longest = max(map(len, rows))
    table = torch.full((len(rows), longest), PAD_ID, dtype=torch.long)
    for line, row in enumerate(rows):
        table[line, longest - len(row) if before else 0 :][: len(row)] = torch.as_tensor(row)
    return table.to(device)


def texts_of(
    rows: Sequence[Ints], begin: Callable[[list[Ints]], tuple[Writer, Tensor]], tokenizer: Tokenizer, how: WritingParams
) -> list[str]:
    """What is written for each of the token lists; `begin` makes a writer of some, and the token before each text."""
    order = np.argsort([len(row) for row in rows], kind="stable").tolist()
    said = [""] * len(rows)
    with torch.inference_mode():
        for start in range(0, len(order), ROWS):
            batch = order[start : start + ROWS]
            writer, first = begin([rows[place] for place in batch])
            found = written(writer, first, beams=how.beams, longest=how.longest_target, end=SEP_ID)
            for place, ids in zip(batch, found, strict=True):
                said[place] = tokenizer.decode(ids).strip()
    return said


def save_limits(width: int, how: WritingParams, out: Path) -> None:
    """Write limits.json: tokens that are read and written, and how."""
    text = json.dumps({"width": width, "how": asdict(how)}, indent=1, sort_keys=True)
    (out / "limits.json").write_text(text, encoding="utf-8")


def load_limits(folder: Path) -> tuple[int, WritingParams]:
    """Tokens that are read, and how texts are written."""
    said = json.loads((folder / "limits.json").read_text(encoding="utf-8"))
    return said["width"], WritingParams(**said["how"])
