"""Resolve: the rules from votes to labels as a table, and their independence of order and segments."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError
from catalog.schema import LABELS
from stages.labels.account import account
from stages.labels.resolve import ResolveParams, resolve
from stages.labels.splits import SplitParams
from tests.stages.label_tables import UNDECIDED, consensus, parts, votes_part

SPLIT = SplitParams(seed=1, validation=0.2, test=0.2)
Document = tuple[str, str, str]
Vote = tuple[str, str, str]


def labels_of(documents: list[Document], votes: list[Vote], size: int = 1000, **changes: Any) -> list[dict[str, Any]]:
    """Rows of `label/labels`, over all segments in order."""
    segments = parts(documents, size)
    params = ResolveParams(tasks=[consensus(**changes)], split=SPLIT)
    written = list(resolve(segments, segments, [UNDECIDED], [votes_part(votes)], params=params))
    assert [key for _, key, _ in written] == [segment.key for segment in segments]
    assert all(table.schema.equals(LABELS.remove_metadata()) for _, _, table in written)
    return [row for _, _, table in written for row in table.to_pylist()]


CONFLICT = (None, "given", 500, 2, "label_conflict")
GOOD, BAD = ("good", "majority", 1000, 1, None), ("bad", "majority", 1000, 1, None)
RATERS = ["rater-01", "rater-02", "rater-03"]
RULES: list[tuple[str, list[tuple[str, str]], dict[str, Any], tuple[str | None, str, int, int, str | None]]] = [
    ("one given label", [("given:shop", "good")], {}, ("good", "given", 1000, 1, None)),
    ("two given labels", [("given:shop", "good"), ("given:press", "bad")], {}, CONFLICT),
    ("given outranks functions", [("given:shop", "good"), ("function:f", "bad")], {}, ("good", "given", 1000, 1, None)),
    ("ratings outrank functions", [("rater-01", "good"), ("function:f", "bad")], {}, GOOD),
    ("priority turned round", [("given:shop", "good"), ("function:f", "bad")],
     {"priority": ["functions", "given"]}, BAD),
    ("majority of raters", list(zip(RATERS, ["good", "good", "bad"], strict=True)),
     {}, ("good", "majority", 667, 3, None)),
    ("tie of raters", [("rater-01", "good"), ("rater-02", "bad")], {}, (None, "majority", 500, 2, "no_consensus")),
    ("not sure enough", list(zip(RATERS, ["good", "good", "bad"], strict=True)),
     {"min_confidence": 700}, (None, "majority", 667, 3, "low_confidence")),
    ("no known label", [("given:shop", "odd")], {}, (None, "none", 0, 0, "unknown_label")),
    ("an odd label beside a known one", [("given:shop", "odd"), ("rater-01", "bad")], {}, BAD),
    ("an annotator left out", [("function:f", "bad")], {"priority": ["given"]}, (None, "none", 0, 0, "unknown_label")),
    ("estimated annotators", list(zip(RATERS, ["good", "good", "good"], strict=True)),
     {"consensus": "dawid_skene"}, ("good", "dawid_skene", 1000, 3, None)),
]  # fmt: skip


@pytest.mark.parametrize(("_case", "votes", "changes", "expected"), RULES)
def test_rules(_case: str, votes: list[tuple[str, str]], changes: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Each rule decides label, method, confidence, votes and reason of one document."""
    (row,) = labels_of([("a", "shop", "text")], [("a", *vote) for vote in votes], **changes)
    assert (row["label"], row["method"], row["confidence"], row["votes"], row["drop_reason"]) == expected


COPIES = [("a", "shop", "same"), ("b", "shop", "same"), ("c", "shop", "same"), ("d", "shop", "other")]


def test_all_copies_of_a_text_vote_on_the_one_that_is_kept() -> None:
    """A conflict between a kept document and its dropped copy is found, and the row is the kept one's."""
    (row,) = labels_of(COPIES, [("a", "given:shop", "good"), ("c", "given:shop", "bad")])
    assert (row["id"], row["drop_reason"]) == ("a", "label_conflict")


def test_a_conflict_can_be_settled_by_majority() -> None:
    """With `given_conflict: majority` two equal given labels outvote the third."""
    votes = [("a", "given:shop", "good"), ("b", "given:shop", "bad"), ("c", "given:shop", "bad")]
    (row,) = labels_of(COPIES, votes, given_conflict="majority")
    assert (row["label"], row["confidence"], row["votes"]) == ("bad", 667, 3)


def test_a_function_votes_once_on_a_text_however_many_copies_there_are() -> None:
    """Copies add nothing to what a function says, so two functions that differ stay a tie."""
    votes = [(name, "function:f", "good") for name in "abc"] + [("a", "function:g", "bad")]
    (row,) = labels_of(COPIES, votes)
    assert (row["votes"], row["drop_reason"]) == (2, "no_consensus")


def test_a_label_reaches_an_equal_text_of_another_source() -> None:
    """The kept copy takes the label that only a dropped copy was given."""
    (row,) = labels_of([("a", "press", "same"), ("b", "shop", "same")], [("b", "given:shop", "good")])
    assert (row["id"], row["label"]) == ("a", "good")


def test_votes_on_documents_that_cleaning_dropped_do_not_count() -> None:
    """A vote on an unknown document changes nothing."""
    assert labels_of([("a", "shop", "text")], [("z", "given:shop", "good")]) == []


def test_votes_may_be_about_a_corpus_of_which_nothing_is_kept() -> None:
    """A preset that drops everything is no reason to stop."""
    assert labels_of([], [("gone", "given:shop", "good")]) == []


def test_generation_takes_the_most_frequent_target() -> None:
    """Of several targets the most frequent counts, the smallest of a tie, and none is a conflict."""
    votes = [(name, "given:shop", target) for name, target in zip("abcd", "xyyq", strict=True)]
    votes.append(("d", "given:press", "p"))
    rows = labels_of(COPIES, votes, kind="generation", labels=[])
    assert [(row["id"], row["label"], row["target_text"], row["drop_reason"]) for row in rows] == [
        ("a", None, "y", None), ("d", None, "p", None),
    ]  # fmt: skip


def test_several_tasks_share_a_segment_in_their_order() -> None:
    """Each segment holds the rows of all tasks, the first task first."""
    segments = parts([("a", "shop", "text")])
    params = ResolveParams(tasks=[consensus(task="mood"), consensus(task="taste")], split=SPLIT)
    votes = [[votes_part([("a", "given:shop", label)])] for label in ("good", "bad")]
    ((_, _, table),) = resolve(segments, segments, [UNDECIDED], *votes, params=params)
    assert [(row["task"], row["label"]) for row in table.to_pylist()] == [("mood", "good"), ("taste", "bad")]


def test_a_document_without_its_text_is_an_error() -> None:
    """Clusters that do not fit the texts name the document and the next command."""
    params = ResolveParams(tasks=[consensus()], split=SPLIT)
    with pytest.raises(InputError, match="document a is in dedup/verdicts but not in clean/text"):
        list(resolve(parts([]), parts([("a", "shop", "text")]), [UNDECIDED], [], params=params))


ANNOTATORS = st.sampled_from(["given:shop", *RATERS, "function:f", "function:g"])
TEXTS = st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=1, max_size=8)
BALLOTS = st.lists(st.tuples(st.integers(0, 7), ANNOTATORS, st.sampled_from(["bad", "good", "odd"])), max_size=30)
CHANGES = st.sampled_from([{}, {"consensus": "dawid_skene"}, {"given_conflict": "majority"}, {"min_confidence": 600}])


def world(texts: list[str], ballots: list[tuple[int, str, str]]) -> tuple[list[Document], list[Vote]]:
    """Documents and the votes on them."""
    documents = [(f"{place}", "shop", text) for place, text in enumerate(texts)]
    return documents, [(f"{place}", who, label) for place, who, label in ballots if place < len(texts)]


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["id"]))


@settings(max_examples=40, deadline=None)
@given(TEXTS, BALLOTS, CHANGES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_order_and_segments_do_not_matter(
    texts: list[str], ballots: list[tuple[int, str, str]], changes: dict[str, Any], size: int, random: Any
) -> None:
    """Shuffled documents in segments of another size, with shuffled votes, get the same rows."""
    documents, votes = world(texts, ballots)
    expected = by_id(labels_of(documents, votes, **changes))
    random.shuffle(documents)
    random.shuffle(votes)
    assert by_id(labels_of(documents, votes, size, **changes)) == expected


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, BALLOTS)
def test_added_and_removed_documents_leave_no_trace(
    texts: list[str], more: list[str], ballots: list[tuple[int, str, str]]
) -> None:
    """Votes on documents that are gone weigh nothing, as if they had never been there."""
    documents, votes = world(texts, ballots)
    strangers = [(f"gone-{place}", "given:shop", "bad") for place in range(len(more))]
    assert labels_of(documents, votes + strangers) == labels_of(documents, votes)


@settings(max_examples=40, deadline=None)
@given(TEXTS, BALLOTS)
def test_every_kept_text_with_a_vote_has_one_row(texts: list[str], ballots: list[tuple[int, str, str]]) -> None:
    """Rows are the kept documents whose text has any vote: with a label and no reason, or a reason and no label."""
    documents, votes = world(texts, ballots)
    rows = labels_of(documents, votes)
    voted = {texts[int(name)] for name, who, _ in votes if not who.startswith("function") or name in kept(texts)}
    assert sorted(row["id"] for row in rows) == sorted(name for name in kept(texts) if texts[int(name)] in voted)
    assert all((row["label"] is None) != (row["drop_reason"] is None) for row in rows)


def kept(texts: list[str]) -> set[str]:
    """Ids of the documents that stand for their copies."""
    return {str(texts.index(text)) for text in texts}


def test_account_drops_only_what_no_task_could_label() -> None:
    """A conflict drops a document unless another task labelled it; the unlabelled and the unsure stay."""
    (segment,) = parts([(name, "shop", name) for name in "abcd"] + [("e", "shop", "a")])
    reasons = pa.array(["label_conflict", "label_conflict", None, "no_consensus"])
    labels = pa.table({"id": ["a", "b", "b", "c"], "drop_reason": reasons})
    verdicts = account(segment.table, labels)["verdicts"].to_pylist()
    assert [(row["id"], row["drop_reason"]) for row in verdicts] == [
        ("a", "label_conflict"), ("b", None), ("c", None), ("d", None),
    ]  # fmt: skip


def test_a_segment_without_votes_is_written_empty() -> None:
    """Every segment has its table, so that the next map finds its partner."""
    segments = parts([("a", "shop", "one"), ("b", "shop", "two")], 1)
    params = ResolveParams(tasks=[consensus()], split=SPLIT)
    written = list(resolve(segments, segments, [UNDECIDED], [votes_part([("b", "given:shop", "good")])], params=params))
    assert [len(table) for _, _, table in written] == [0, 1]
