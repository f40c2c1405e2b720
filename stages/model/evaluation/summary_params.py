"""Parameters of the numbers and the report of `evaluate`; imports nothing heavy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryParams:
    """The kind of the task, and the draws of the bootstrap and their seed."""

    kind: str
    bootstrap_draws: int
    seed: int

    def __post_init__(self) -> None:
        if self.bootstrap_draws < 100:
            raise ValueError(f"bootstrap_draws is {self.bootstrap_draws}, must be >= 100")
