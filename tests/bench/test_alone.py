"""Work in a process of its own: its peak of memory is its own."""

from __future__ import annotations

from bench.support.alone import alone, peak


def held(mebibytes: int) -> float:
    """The peak, in MiB, of a process that holds so much."""
    assert len(bytearray(mebibytes << 20)) == mebibytes << 20
    return peak() / 2**20


def test_a_peak_is_that_of_the_work_and_not_of_who_asked() -> None:
    """A large parent adds nothing to its child's."""
    ballast = bytearray(b"x" * (600 << 20))
    small, large = alone(held, 1), alone(held, 300)
    assert small < 300 < large < 600 < peak() / 2**20, len(ballast)
