"""pretrain: real tokens a second of this stage, against transformers' Trainer on the same tokens, in one run.

The same network, the same documents and the same optimiser three times: the stage (packed rows, documents kept apart, a
head on the masked tokens alone); the Trainer as the field uses it (`group_texts`: documents run together and cut to
rows, so that attention crosses documents; fused AdamW; the best of several batch sizes); and the Trainer
line by line (a document a row, padded to the longest of its batch; run_mlm.py's defaults: 8 rows, fp32).
The documents are the paragraphs of Python's own language reference, which every Python has. Padding is no token.

On a CPU the ratios compare CPU seconds, because other programs may use the machine; on a GPU wall seconds. The first
two compute in bf16 where a product is faster in it: on a GPU, and on a CPU that has units for it. It needs torch,
transformers, pyarrow and NumPy; without accelerate, which the Trainer needs, a plain loop stands in for it, which costs
less, and `baseline` says so.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

from bench.support.alone import peak
from stages.model.networks.architectures import Shape, language_model
from stages.model.pretraining.params import PretrainParams
from stages.model.pretraining.rank import batches, network, recipe_of, trained
from stages.model.tokens.tokenizer import CLS, CLS_ID, MASK, PAD, SEP, SEP_ID, token_ids, trained_tokenizer
from stages.model.training.batches import Documents, documents
from stages.model.training.group import ALONE
from stages.model.training.loop import Progress, device_named, made_deterministic
from stages.model.training.randomness import document_keys

RATE = 0.15  # share of masked tokens, the same three times
WARM = 2  # steps before the clock starts
H200_BF16 = 989e12  # floating-point operations a second, dense, as the vendor states
SMALL = {"layers": 4, "hidden": 256, "heads": 4, "feed_forward": 1024}


@dataclass(frozen=True)
class Speed:
    """Real tokens and the seconds they took: `clock` is CPU seconds on a CPU and wall seconds on a GPU."""

    tokens: int
    clock: float
    wall: float

    @property
    def rate(self) -> float:
        """Tokens a second of `clock`."""
        return self.tokens / self.clock


def run(quick: bool) -> dict[str, Any]:
    """Tokens a second, fill, data stall and the two ratios; `mfu` is null without a GPU."""
    made_deterministic(1)  # threads that wait for each other burn CPU seconds, the more the busier the machine is
    device = device_named("auto")
    tokenizer = trained_tokenizer(paragraphs(), vocabulary=8192, lowercase=True, alphabet=500, min_frequency=2)
    corpus = encoded(paragraphs(), tokenizer)
    how = params_for(device, steps=(24 if quick else 60) + WARM)
    vocabulary = 8192 if device.type == "cpu" else 30_522  # BERT's, most of it unused here
    packed, progress = ours(corpus, how, vocabulary, device)
    grouped, rows = best_grouped(corpus, how, vocabulary, device, tokenizer)
    plain = replace(how, rows=8, precision="fp32")  # run_mlm.py's defaults
    lines = theirs([line.tolist() for line in framed_lines(corpus, how.width)], plain, vocabulary, device, tokenizer)
    return {
        "device": torch.cuda.get_device_name(0) if device.type == "cuda" else "cpu (no CUDA device)",
        "threads": torch.get_num_threads(),
        "precision": how.precision,
        "tokens_s": round(packed.tokens / packed.wall),
        "tokens_cpu_s": round(packed.rate) if device.type == "cpu" else None,
        "data_stall": round(progress.stalled / progress.seconds, 4),
        "fill": round(packed.tokens / ((how.steps - WARM) * how.rows * how.width), 4),
        "baseline": "Trainer" if importlib.util.find_spec("accelerate") else "plain loop (no accelerate)",
        "group_texts_rows": rows,
        "vs_group_texts": round(packed.rate / grouped.rate, 2),
        "vs_line_by_line": round(packed.rate / lines.rate, 2),
        "mfu": None if device.type == "cpu" else round(flops(how, vocabulary) * packed.rate / H200_BF16, 3),
        "peak_mb": peak_mb(device),
        "resume_equal": resumes_equal(corpus, how, vocabulary, device),
    }


def paragraphs() -> list[str]:
    """Paragraphs of the Python language reference, as the interpreter's help shows them."""
    return [part.strip() for _, text in sorted(topics.items()) for part in text.split("\n\n") if part.strip()]


def encoded(texts: list[str], tokenizer: Tokenizer) -> Documents:
    """Each text as a document."""
    ids = [str(position) for position in range(len(texts))]
    return documents(ids, token_ids(tokenizer, texts), document_keys(ids))


def params_for(device: torch.device, steps: int) -> PretrainParams:
    """A small network on a CPU, BERT-base at 512 tokens on a GPU."""
    gpu = device.type == "cuda"
    rows, width = (128, 512) if gpu else (16, 128)
    return PretrainParams(
        objective="mlm", network="base" if gpu else SMALL, width=width, dropout=0.0, mask_rate=RATE,
        candidates="vocabulary", tokens=steps * rows * width, rows=rows, focus_task="", background_share=0.0,
        optimiser="adamw", learning_rate=1e-4, muon_learning_rate=0.0, weight_decay=0.01, warmup=0.1, clip=1.0, seed=1,
        checkpoint_every=0, threads=torch.get_num_threads(), device="cuda" if gpu else "cpu",
        precision="bf16" if bf16_pays(device) else "fp32", compile=gpu,
    )  # fmt: skip


def bf16_pays(device: torch.device) -> bool:
    """Is a product of matrices faster in bf16 than in fp32 here?"""

    def seconds(kind: torch.dtype) -> float:
        square = torch.ones(1024, 1024, dtype=kind, device=device)
        square @ square
        clock = Clock(device)
        for _ in range(5):
            square @ square
        return clock.read(0).clock

    return seconds(torch.bfloat16) < seconds(torch.float32)


def shape_of(how: PretrainParams, vocabulary: int) -> Shape:
    """The network of a run."""
    sizes = dict(how.sizes)
    return Shape(**sizes, width=how.width, vocabulary=vocabulary, dropout=how.dropout, architecture=how.architecture)


def flops(how: PretrainParams, vocabulary: int) -> float:
    """Operations a token, forward and backward: 6 a weight, attention, and the head on the masked share."""
    shape = shape_of(how, vocabulary)
    layer = 4 * shape.hidden**2 + 2 * shape.hidden * shape.feed_forward
    attention = 2 * shape.width * shape.hidden
    return 6.0 * (shape.layers * (layer + attention) + RATE * shape.hidden * shape.vocabulary)


class Clock:
    """Seconds since `start`, of the CPU and of the wall; a GPU's work is waited for."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.start()

    def start(self) -> None:
        """From here on."""
        self._settle()
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def read(self, tokens: int) -> Speed:
        """The speed of what was done since."""
        self._settle()
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return Speed(tokens, cpu if self._device.type == "cpu" else wall, wall)

    def _settle(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()


def ours(corpus: Documents, how: PretrainParams, vocabulary: int, device: torch.device) -> tuple[Speed, Progress]:
    """The stage's own run, timed after its first steps."""
    clock = Clock(device)
    model = network(how, vocabulary).to(device)
    progress = trained(
        model, corpus, how, vocabulary, device, ALONE, None, lambda done: clock.start() if done == WARM else None
    )
    speed = clock.read(0)
    warm = sum(batch.tokens() for batch in islice(batches(corpus, recipe_of(how, vocabulary)), WARM))
    return replace(speed, tokens=progress.tokens - warm), progress


def framed_lines(corpus: Documents, width: int) -> Iterator[np.ndarray]:
    """Each document as [CLS] tokens [SEP]."""
    for start, end in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        yield np.concatenate([[CLS_ID], corpus.tokens[start:end][: width - 2], [SEP_ID]])


def grouped_rows(corpus: Documents, width: int) -> list[list[int]]:
    """All documents run together and cut to rows of `width` tokens; the rest is dropped, as run_mlm.py does."""
    flat = np.concatenate(list(framed_lines(corpus, width)))
    return [row.tolist() for row in flat[: len(flat) // width * width].reshape(-1, width)]


def best_grouped(
    corpus: Documents, how: PretrainParams, vocabulary: int, device: torch.device, tokenizer: Tokenizer
) -> tuple[Speed, int]:
    """`group_texts` with the fastest of three batch sizes, and that size."""
    lines = grouped_rows(corpus, how.width)
    tried = {
        rows: theirs(lines, replace(how, rows=rows), vocabulary, device, tokenizer)
        for rows in (how.rows, 2 * how.rows, 4 * how.rows)
    }
    best = max(tried, key=lambda rows: tried[rows].rate)
    return tried[best], best


def theirs(
    lines: list[list[int]], how: PretrainParams, vocabulary: int, device: torch.device, tokenizer: Tokenizer
) -> Speed:
    """transformers' model over about as many tokens of `lines` as the stage saw, by the Trainer where it can run."""
    torch.manual_seed(1)
    model: nn.Module = language_model(shape_of(how, vocabulary), "mlm").to(device).train()
    steps = max(2, round((how.tokens - WARM * how.rows * how.width) * len(lines) / (how.rows * sum(map(len, lines)))))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, mask_token=MASK, cls_token=CLS, sep_token=SEP
    )
    seen = 0
    plain = DataCollatorForLanguageModeling(wrapped, mlm_probability=RATE)

    def collate(items: list[dict[str, Any]]) -> Any:
        nonlocal seen
        batch = plain(items)
        seen += int(batch["attention_mask"].sum())
        return batch

    fit = by_trainer if importlib.util.find_spec("accelerate") else by_loop
    data = [{"input_ids": line} for line in lines]
    bf16 = how.precision == "bf16"
    fit(model, data, collate, WARM, how.rows, device, bf16)
    seen = 0
    clock = Clock(device)
    fit(model, data, collate, steps, how.rows, device, bf16)
    return clock.read(seen)


def by_trainer(
    model: nn.Module, data: list[dict[str, Any]], collate: Any, steps: int, rows: int, device: torch.device, bf16: bool
) -> None:
    """Train by transformers' Trainer."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=rows, max_steps=steps, learning_rate=1e-4,
            optim="adamw_torch_fused", bf16=bf16, report_to="none", save_strategy="no", logging_strategy="no",
            disable_tqdm=True, use_cpu=device.type == "cpu", remove_unused_columns=False, seed=1,
        )  # fmt: skip
        trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=collate)  # type: ignore[arg-type]
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def by_loop(
    model: nn.Module, data: list[dict[str, Any]], collate: Any, steps: int, rows: int, device: torch.device, bf16: bool
) -> None:
    """Train by a plain loop, which does what the Trainer does and no more."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    for step in range(steps):
        at = step * rows % max(len(data) - rows, 1)
        batch = collate(data[at : at + rows])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            model(**{name: value.to(device) for name, value in batch.items()}).loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()


def peak_mb(device: torch.device) -> int:
    """The most memory: of the GPU, or of this process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20)
    return round(peak() / 2**20)


class _StoppedError(Exception):
    """A run was stopped on purpose."""


def resumes_equal(corpus: Documents, how: PretrainParams, vocabulary: int, device: torch.device) -> bool:
    """Is a run that was stopped at step 5 of 6 and resumed from step 4 equal to one in one go, bit for bit?"""
    sizes = {"layers": 1, "hidden": 64, "heads": 1, "feed_forward": 128}
    tiny = replace(how, network=sizes, rows=4, tokens=6 * 4 * how.width, dropout=0.1, checkpoint_every=2)

    def weights(folder: Path | None, stop: int = 0) -> dict[str, Any]:
        def observe(done: int) -> None:
            if done == stop:
                raise _StoppedError

        model = network(tiny, vocabulary).to(device)
        with suppress(_StoppedError):
            trained(model, corpus, tiny, vocabulary, device, ALONE, folder, observe)
        return dict(model.state_dict())

    whole = weights(None)
    with tempfile.TemporaryDirectory() as folder:
        weights(Path(folder), stop=5)
        resumed = weights(Path(folder))
    return all(torch.equal(value, resumed[name]) for name, value in whole.items())
