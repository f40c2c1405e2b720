"""The frontier: order, what a dead process leaves, what is held until it is in the log, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.digests import document_id
from catalog.errors import BusyError
from stages.sources.frontier import DONE, MOST_ATTEMPTS, Frontier, Held, Spent, Waiting, forget_everywhere

HOST = "http://a.test"


def page(name: str, **more: object) -> Waiting:
    """A URL of the host."""
    return Waiting(url=f"{HOST}/{name}", kind="page", depth=1, **more)  # type: ignore[arg-type]


def opened(root: Path, *names: str) -> Frontier:
    """A frontier with pages that wait, open until it `died`."""
    frontier = Frontier("site", root).__enter__()
    for name in names:
        frontier.add(page(name), HOST)
    frontier.commit()
    return frontier


@contextmanager
def filled(root: Path, *names: str) -> Iterator[Frontier]:
    """A frontier with pages that wait."""
    frontier = opened(root, *names)
    try:
        yield frontier
    finally:
        frontier.__exit__(None, None, None)


def died(frontier: Frontier) -> None:
    """The process died: what was not committed is gone."""
    frontier._database.rollback()
    frontier.__exit__(None, None, None)


def test_urls_are_taken_once_in_the_order_they_came(tmp_path: Path) -> None:
    """First in, first out, each once, whatever is added again; hosts are apart."""
    with filled(tmp_path, "b", "a", "b") as frontier:
        frontier.add(Waiting(url="http://b.test/", kind="feed", depth=0, chain=("http://b.test/old",)), "http://b.test")
        assert frontier.origins() == [HOST, "http://b.test"]
        assert [frontier.take(HOST), frontier.take(HOST), frontier.take(HOST)] == [page("b"), page("a"), None]
        found = frontier.take("http://b.test")
        assert found and (found.kind, found.chain) == ("feed", ("http://b.test/old",))


def test_what_was_in_flight_when_the_process_died_waits_again_and_is_counted(tmp_path: Path) -> None:
    """A URL whose answer never came is taken again with its attempts; one that was done is not."""
    frontier = opened(tmp_path, "slow", "quick")
    for attempts in range(MOST_ATTEMPTS + 1):
        assert frontier.take(HOST) == page("slow", attempts=attempts)
        died(frontier)
        frontier = Frontier("site", tmp_path).__enter__()
    frontier.done(f"{HOST}/slow")
    frontier.commit()
    died(frontier)
    with Frontier("site", tmp_path) as again:
        assert again.take(HOST) == page("quick")
        assert again.take(HOST) is None


def test_an_asking_that_is_called_off_does_not_count(tmp_path: Path) -> None:
    """^C is no death: the URL waits as if it had not been taken."""
    with filled(tmp_path, "a") as frontier:
        assert frontier.take(HOST) == page("a")
        frontier.untake(f"{HOST}/a")
        assert frontier.take(HOST) == page("a")


def test_answers_are_held_until_they_are_released(tmp_path: Path) -> None:
    """Answer and links become durable together, and survive the process until the log has them."""
    held = Held(fetch={"uri": f"{HOST}/a", "n": 1}, headers=b"H: \xff", body=b"\x00b", mime="text/html")
    frontier = opened(tmp_path, "a")
    frontier.hold(held)
    died(frontier)
    with Frontier("site", tmp_path) as lost:
        assert list(lost.held()) == []
        lost.hold(held)
        lost.commit()
    with Frontier("site", tmp_path) as kept:
        assert list(kept.held()) == [held]
        kept.release()
    with Frontier("site", tmp_path) as empty:
        assert list(empty.held()) == []


def test_a_url_that_was_not_due_can_be_woken_once(tmp_path: Path) -> None:
    """A sitemap may bring forward what waits for its day; what was asked already stays done."""
    with filled(tmp_path) as frontier:
        frontier.add(page("later"), HOST, DONE)
        assert frontier.take(HOST) is None
        frontier.wake(f"{HOST}/later")
        assert frontier.take(HOST) == page("later")
        frontier.done(f"{HOST}/later")
        frontier.wake(f"{HOST}/later")
        assert frontier.take(HOST) is None


def test_budgets_outlive_the_process(tmp_path: Path) -> None:
    """What was taken from a host, and until when it is left alone."""
    spent = Spent(pages=3, bytes=70, seconds=1.5, refusals=1, frozen_until=9.0, opened_at=2.0, opened="{}")
    with filled(tmp_path) as frontier:
        assert frontier.spent(HOST) == Spent()
        frontier.spend(HOST, spent)
        frontier.commit()
    with Frontier("site", tmp_path) as again:
        assert again.spent(HOST) == spent and again.pages() == {HOST: 3}


def test_a_damaged_frontier_is_begun_anew(tmp_path: Path) -> None:
    """It is disposable: the log has what matters."""
    (tmp_path / "site.sqlite").write_bytes(b"no database at all" * 99)
    with Frontier("site", tmp_path) as frontier:
        assert frontier.run == {} and frontier.waiting() == 0


def test_two_processes_do_not_crawl_one_source(tmp_path: Path) -> None:
    """The second is told so at once."""
    with filled(tmp_path), pytest.raises(BusyError, match="site is being crawled"):
        Frontier("site", tmp_path).__enter__()


def test_a_forgotten_document_leaves_no_byte(tmp_path: Path) -> None:
    """Its URL, its body, and where it stood on the way to others are gone; what another page shares passes to that."""
    secret = f"{HOST}/hidden-name"
    with filled(tmp_path, "hidden-name", "other") as frontier:
        frontier.add(page("target", chain=(secret,)), HOST)
        for body, row in (
            (b"hidden-body" * 50, {"uri": secret, "body_digest": "h"}),
            (None, {"uri": f"{HOST}/x", "location": secret}),
            (b"shown", {"uri": secret, "body_digest": "d"}), (None, {"uri": f"{HOST}/z", "body_digest": "d"}),
            (b"y", {"uri": f"{HOST}/y", "chain": [secret, "on"]}),
        ):  # fmt: skip
            fetch = {"location": None, "chain": None, "body_digest": None} | row
            frontier.hold(Held(fetch=fetch, body=body, headers=b"Location: hidden" if "location" in row else b"h"))
        frontier.commit()
    forget_everywhere(frozenset([document_id(secret)]), tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hidden" not in written
    with Frontier("site", tmp_path) as frontier:
        assert [frontier.take(HOST), frontier.take(HOST)] == [page("other"), page("target")]
        left = [(one.fetch["uri"][-1], one.fetch["chain"], one.headers, one.body) for one in frontier.held()]
    assert left == [("x", None, None, None), ("z", None, b"h", b"shown"), ("y", ["on"], b"h", b"y")]
