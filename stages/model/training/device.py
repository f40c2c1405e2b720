"""Which kind of device a run computes on, decided without importing torch: it is part of the fingerprint."""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]


def device_class(name: Device) -> Device:
    """`cpu` or `cuda` for `auto`, `cpu` or `cuda`: a GPU is used where there is one and torch was built for it."""
    if name != "auto":
        return name
    built_for_cuda = "+cpu" not in importlib.metadata.version("torch")
    return "cuda" if built_for_cuda and Path("/dev/nvidia0").exists() else "cpu"


def precision_class(name: Precision, device: Device) -> Precision:
    """`fp32` or `bf16` for `auto`: bf16 on a GPU. On a CPU without bf16 units, which many are, it is the slower one."""
    if name != "auto":
        return name
    return "bf16" if device == "cuda" else "fp32"


@contextmanager
def one_thread() -> Iterator[None]:
    """torch computes on one thread: how a sum is split over threads decides its last bits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
