"""Parameters of the likelihood of the test texts; imports nothing heavy."""

from dataclasses import dataclass

from stages.model.training.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodParams:
    """What the network computes on."""

    threads: int
    device: Device
