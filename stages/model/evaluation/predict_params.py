"""Parameters of the predictions of `evaluate`; imports nothing heavy."""

from dataclasses import dataclass

from stages.model.training.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictParams:
    """Which run predicts, and on what; `produced`: are what it says texts, not labels?"""

    run: str
    produced: bool
    threads: int
    device: Device
