"""pretrain: real tokens a second of this stage's training step, against transformers' own way, in one run.

The same network, the same documents and the same optimiser three times: packed rows with a block mask and a head on
the masked tokens alone (this project); `group_texts` (documents run together and cut to rows, as run_mlm.py does, so
that attention crosses documents); and line by line (a document a row, padded to the longest of its batch). The two
others use `BertForMaskedLM` and `DataCollatorForLanguageModeling` in a plain loop, which costs less than the Trainer.
Documents are drawn from a log-normal law of lengths (median 37 tokens). Padding does not count as a token.

On a CPU the ratios compare CPU seconds, because other programs may use the machine; on a GPU wall seconds.
It needs torch, transformers and NumPy, and no corpus.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BertForMaskedLM, DataCollatorForLanguageModeling, PreTrainedTokenizerFast

from stages.model.batches import Batch, Documents, documents
from stages.model.loop import Progress, Training, device_named, made_deterministic, train
from stages.model.network import LanguageModel, Shape
from stages.model.objectives import Recipe, cut, epoch_batches
from stages.model.randomness import document_keys
from stages.model.tokenizer import CLS_ID, SEP_ID, trained_tokenizer

RATE = 0.15  # share of masked tokens, the same three times
H200_BF16 = 989e12  # floating-point operations a second, dense, as the vendor states
SMALL = Shape(layers=4, hidden=256, heads=4, feed_forward=1024, width=128, vocabulary=8192, dropout=0.0)
BASE = Shape(layers=12, hidden=768, heads=12, feed_forward=3072, width=512, vocabulary=30522, dropout=0.0)


@dataclass(frozen=True)
class Speed:
    """Real tokens and the seconds they took: `clock` is CPU seconds on a CPU and wall seconds on a GPU."""

    tokens: int
    clock: float
    wall: float


def run(quick: bool) -> dict[str, Any]:
    """Tokens a second, fill, data stall and the two ratios; `mfu` is null without a GPU."""
    made_deterministic(int(os.environ.get("OMP_NUM_THREADS", "0")) or len(os.sched_getaffinity(0)))
    device = device_named("auto")
    shape, rows = (SMALL, 16) if device.type == "cpu" else (BASE, 128)
    steps = 12 if quick else 60
    corpus = drawn_documents(rows * steps * shape.width // 40, shape)
    packed, progress, fill = ours(corpus, shape, rows, steps, device)
    grouped = theirs(grouped_rows(corpus, shape.width), shape, rows, steps, device)
    lines = theirs([item.tolist() for item in framed_lines(corpus, shape.width)], shape, rows, steps, device)
    rate = packed.tokens / packed.clock
    return {
        "device": torch.cuda.get_device_name(0) if device.type == "cuda" else "cpu (no CUDA device)",
        "threads": torch.get_num_threads(),
        "tokens_s": round(packed.tokens / packed.wall),
        "tokens_cpu_s": round(rate) if device.type == "cpu" else None,
        "step_ms": round(1000 * packed.wall / steps, 1),
        "data_stall": round(progress.stalled / progress.seconds, 4),
        "fill": round(fill, 4),
        "vs_group_texts": round(rate / (grouped.tokens / grouped.clock), 2),
        "vs_line_by_line": round(rate / (lines.tokens / lines.clock), 2),
        "mfu": None if device.type == "cpu" else round(flops(shape) * packed.tokens / packed.wall / H200_BF16, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "resume_equal": resumes_equal(corpus, device),
    }


def drawn_documents(number: int, shape: Shape) -> Documents:
    """Random documents of 4 to `width` tokens."""
    rng = np.random.default_rng(1)
    lengths = np.clip(rng.lognormal(3.6, 0.8, number), 4, shape.width - 2).astype(np.int64)
    ids = [str(position) for position in range(number)]
    tokens = [rng.integers(300, shape.vocabulary, length) for length in lengths]
    return documents(ids, tokens, document_keys(ids))


def flops(shape: Shape) -> float:
    """Operations a token, forward and backward: 6 a weight, attention, and the head on the masked share."""
    layer = 4 * shape.hidden**2 + 2 * shape.hidden * shape.feed_forward
    attention = 2 * shape.width * shape.hidden
    return 6.0 * (shape.layers * (layer + attention) + RATE * shape.hidden * shape.vocabulary)


def ours(corpus: Documents, shape: Shape, rows: int, steps: int, device: torch.device) -> tuple[Speed, Progress, float]:
    """This project's loop; (speed, what it did, share of the row positions that are real)."""
    model = new_model(shape, device)
    stream = list(islice(batches(corpus, shape, rows), steps + 2))
    train(model, model, iter(stream[:2]), training(2), device)
    fill = sum(batch.tokens() for batch in stream[2:]) / sum(batch.inputs.size for batch in stream[2:])
    live = islice(batches(corpus, shape, rows), 2, None)
    next(live)  # the first batch pays for packing the epoch, once
    speed, progress = timed(lambda: train(model, model, live, training(steps), device), device)
    return Speed(progress.tokens, speed.clock, speed.wall), progress, fill


def new_model(shape: Shape, device: torch.device) -> LanguageModel:
    """A masked language model with weights from one seed."""
    torch.manual_seed(1)
    return LanguageModel(shape, "mlm").to(device)


def batches(corpus: Documents, shape: Shape, rows: int) -> Iterator[Batch]:
    """Masked batches without end."""
    recipe = Recipe(objective="mlm", width=shape.width, rows=rows, mask_rate=RATE, seed=1, vocabulary=shape.vocabulary)
    parts = cut(corpus, recipe)
    for epoch in count():
        yield from epoch_batches(parts, recipe, epoch)


def training(steps: int, checkpoint_every: int = 0) -> Training:
    """AdamW at a rate that does not matter here."""
    return Training(
        steps=steps,
        learning_rate=1e-4,
        muon_learning_rate=0.0,
        optimiser="adamw",
        weight_decay=0.01,
        warmup=0.1,
        clip=1.0,
        seed=1,
        checkpoint_every=checkpoint_every,
    )


def timed(work: Callable[[], Any], device: torch.device) -> tuple[Speed, Any]:
    """What `work` returned and the time it took; the tokens are left to the caller."""
    wall, clock = time.perf_counter(), time.process_time()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    wall, clock = time.perf_counter() - wall, time.process_time() - clock
    return Speed(0, clock if device.type == "cpu" else wall, wall), result


def framed_lines(corpus: Documents, width: int) -> Iterator[np.ndarray]:
    """Each document as [CLS] tokens [SEP]."""
    for start, end in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        yield np.concatenate([[CLS_ID], corpus.tokens[start:end][: width - 2], [SEP_ID]])


def grouped_rows(corpus: Documents, width: int) -> list[list[int]]:
    """All documents run together and cut to rows of `width` tokens; the rest is dropped, as run_mlm.py does."""
    flat = np.concatenate(list(framed_lines(corpus, width)))
    return [row.tolist() for row in flat[: len(flat) // width * width].reshape(-1, width)]


def theirs(lines: list[list[int]], shape: Shape, rows: int, steps: int, device: torch.device) -> Speed:
    """transformers' model and collator in a plain loop over `lines`."""
    torch.manual_seed(1)
    model: nn.Module = BertForMaskedLM(shape.config("mlm")).to(device).train()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained_tokenizer(["a"], vocabulary=270, lowercase=False, alphabet=4, min_frequency=1),
        pad_token="[PAD]", mask_token="[MASK]", cls_token="[CLS]", sep_token="[SEP]",
    )  # fmt: skip
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=RATE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    made = [
        collate([{"input_ids": line} for line in lines[at : at + rows]]) for at in range(0, rows * (steps + 2), rows)
    ]

    def work(chosen: list[Any]) -> int:
        for batch in chosen:
            model(**{name: value.to(device) for name, value in batch.items()}).loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return sum(int(batch["attention_mask"].sum()) for batch in chosen)

    work(made[:2])
    speed, tokens = timed(lambda: work(made[2:]), device)
    return Speed(tokens, speed.clock, speed.wall)


def resumes_equal(corpus: Documents, device: torch.device) -> bool:
    """Is a run that was stopped at step 5 of 6 and resumed from step 4 equal to one in one go, bit for bit?"""
    tiny = Shape(layers=1, hidden=64, heads=1, feed_forward=128, width=128, vocabulary=SMALL.vocabulary, dropout=0.1)
    if device.type == "cuda":
        tiny = Shape(layers=1, hidden=64, heads=1, feed_forward=128, width=512, vocabulary=BASE.vocabulary, dropout=0.1)
    whole = new_model(tiny, device)
    train(whole, whole, batches(corpus, tiny, 4), training(6), device)
    with tempfile.TemporaryDirectory() as folder:
        stopped = new_model(tiny, device)
        cut_short = islice(batches(corpus, tiny, 4), 5)
        train(stopped, stopped, cut_short, training(6, checkpoint_every=2), device, Path(folder))
        resumed = new_model(tiny, device)
        train(resumed, resumed, batches(corpus, tiny, 4), training(6), device, Path(folder))
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
