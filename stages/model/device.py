"""Which kind of device a run computes on, decided without importing torch: it is part of the fingerprint."""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]


def device_class(name: Device) -> Device:
    """`cpu` or `cuda` for `auto`, `cpu` or `cuda`: a GPU is used where there is one and torch was built for it."""
    if name != "auto":
        return name
    built_for_cuda = "+cpu" not in importlib.metadata.version("torch")
    return "cuda" if built_for_cuda and Path("/dev/nvidia0").exists() else "cpu"


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
