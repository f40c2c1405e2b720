"""Parameters of the predictions of `evaluate`; imports nothing heavy."""

from dataclasses import dataclass

from stages.model.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictParams:
    """Which run predicts which task, and on what."""

    run: str
    task: str
    threads: int
    device: Device
