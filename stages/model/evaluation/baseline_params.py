"""Parameters of the yardsticks of `evaluate`; imports nothing heavy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineParams:
    """TF-IDF over runs of 1 to `longest_run` characters, and the inverse strength of the ridge penalty."""

    longest_run: int
    min_documents: int  # documents that a run of characters must stand in
    inverse_penalty: float

    def __post_init__(self) -> None:
        if min(self.longest_run, self.min_documents) < 1 or self.inverse_penalty <= 0:
            raise ValueError("longest_run and min_documents must be >= 1, inverse_penalty > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class YardsticksParams:
    """The kind of the task, and how TF-IDF is used where it has classes."""

    kind: str
    baseline: BaselineParams


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyParams:
    """Which raw rows are scored, the share of them held out, and how."""

    sources: list[str]  # sources that give labels
    held_out: float
    seed: int
    baseline: BaselineParams

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}, must be between 0 and 1")
