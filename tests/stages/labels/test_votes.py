"""Votes: given labels, ratings, targets and labelling functions, each as rows of who said what."""

import pyarrow as pa
import pytest

from catalog.errors import OperatorError
from catalog.incremental.operators import resolve
from catalog.schema import VOTES
from stages.labels.functions import FunctionVotes, function_names, labelling_function, reference
from stages.labels.votes import GivenVotes, RatingVotes, TargetVotes, given_votes, rating_votes, target_votes, within

CAPTURES = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "source": ["shop", "shop", "press", "shop"],
        "given_label": pa.array(["pos", None, "pos", "odd"]),
        "target_text": pa.array([" sum ", "  ", "far", None]),
        "ratings": pa.array([[-4, 0, None], [], [2], None], pa.list_(pa.int8())),
    }
)


def said(votes: pa.Table) -> list[tuple[str, str, str, int | None]]:
    """(id, annotator, label, score) of each vote, after checking the schema."""
    assert votes.schema.equals(VOTES.remove_metadata())
    return [(row["id"], row["annotator"], row["label"], row["score"]) for row in votes.to_pylist()]


def test_given_labels_are_mapped_and_strays_kept_as_written() -> None:
    """Mapped labels are translated, unmapped ones stay visible, other sources and nulls say nothing."""
    params = GivenVotes(task="t", sources=["shop"], given={"pos": "positive"})
    votes = given_votes(CAPTURES, params=params)["votes"]
    assert said(votes) == [("a", "given:shop", "positive", None), ("d", "given:shop", "odd", None)]


def test_no_sources_means_all() -> None:
    """An empty list of sources lets every capture with a label vote."""
    votes = given_votes(CAPTURES, params=GivenVotes(task="t", sources=[], given={}))["votes"]
    assert [row[0] for row in said(votes)] == ["a", "c", "d"]


def test_each_rating_is_a_vote_of_the_rater_at_its_position() -> None:
    """Scores become labels by range; a missing rating is no vote, and one outside all ranges keeps its digits."""
    params = RatingVotes(task="t", sources=[], ratings={"bad": [-4, -1], "good": [1, 4]})
    votes = rating_votes(CAPTURES, params=params)["votes"]
    assert said(votes) == [("a", "rater-01", "bad", -4), ("a", "rater-02", "0", 0), ("c", "rater-01", "good", 2)]


def test_captures_without_ratings_give_no_votes() -> None:
    """A segment in which nobody rated anything gives an empty table of the right shape."""
    params = RatingVotes(task="t", sources=["nowhere"], ratings={"good": [1, 4]})
    assert said(rating_votes(CAPTURES, params=params)["votes"]) == []


def test_targets_are_trimmed_and_blank_ones_left_out() -> None:
    """A generation vote is the target text itself."""
    votes = target_votes(CAPTURES, params=TargetVotes(task="t", sources=["shop"]))["votes"]
    assert said(votes) == [("a", "given:shop", "sum", None)]


def test_targets_are_redacted() -> None:
    """A model learns to write what stands there."""
    captures = pa.table({"id": ["a"], "source": ["shop"], "target_text": ["Write to ann@example.com."]})
    votes = target_votes(captures, params=TargetVotes(task="t", sources=[]))["votes"]
    assert said(votes) == [("a", "given:shop", "Write to <EMAIL>.", None)]


def test_within_an_empty_list_allows_everything() -> None:
    """No filter means all values."""
    assert within(pa.chunked_array([["a", "b"]]), []).to_pylist() == [True, True]


DOCUMENTS = pa.table(
    {"id": ["a", "b", "c"], "source": ["shop"] * 3, "language": ["en", "zh", "en"], "text": ["good", "good", "bad"]}
)
PARAMS = FunctionVotes(task="t", sources=["shop"], languages=["en"], labels=["positive", "negative"])


def test_a_labelling_function_votes_on_its_languages_and_abstains_by_null() -> None:
    """Only documents of the task are shown, and a null answer is no vote."""

    @labelling_function
    def finds_good(texts: pa.Array) -> pa.Array:
        return pa.array(["positive" if text == "good" else None for text in texts.to_pylist()], pa.string())

    assert said(finds_good(DOCUMENTS, params=PARAMS)["votes"]) == [("a", "function:finds_good", "positive", None)]


@pytest.mark.parametrize(("answers", "says"), [(["positive"], "1 labels for 2 texts"), (["good", None], "'good'")])
def test_a_wrong_answer_of_a_labelling_function_is_an_error(answers: list[str | None], says: str) -> None:
    """Too few answers, or a label that the task does not have, name the function and the fault."""

    @labelling_function
    def answers_wrongly(texts: pa.Array) -> pa.Array:
        return pa.array(answers, pa.string())

    with pytest.raises(OperatorError, match=f"answers_wrongly.*{says}"):
        answers_wrongly(DOCUMENTS, params=PARAMS)


MARKED = FunctionVotes(task="t", sources=[], languages=["en"], labels=["place", "praise"], kind="spans")
LINKED = FunctionVotes(task="t", sources=[], languages=["en"], labels=["place"], kind="relations", relations=["near"])
MANY = FunctionVotes(task="t", sources=[], languages=["en"], labels=["place", "praise"], kind="multilabel")
LINK = '{"spans": [[0, 2, "place"], [2, 4, "place"]], "relations": [[0, 1, "near"]]}'


@pytest.mark.parametrize(
    ("params", "answer", "vote"),
    [
        (MARKED, '[[2, 4, "praise"], [0, 2, "place"]]', '[[0,2,"place"],[2,4,"praise"]]'),
        (MARKED, "[]", "[]"),
        (MANY, "praise;place", '["place","praise"]'),
        (MANY, '["praise"]', '["praise"]'),
        (LINKED, LINK, '{"relations":[[0,1,"near"]],"spans":[[0,2,"place"],[2,4,"place"]]}'),
    ],
)
def test_a_function_marks_spans_and_says_several_classes(params: FunctionVotes, answer: str, vote: str) -> None:
    """Whatever way a label may be written by a source, it is a vote in one way."""

    @labelling_function
    def marks(texts: pa.Array) -> pa.Array:
        return pa.array([answer if text == "good" else None for text in texts.to_pylist()], pa.string())

    assert said(marks(DOCUMENTS, params=params)["votes"]) == [("a", "function:marks", vote, None)]


@pytest.mark.parametrize(
    ("params", "answer", "says"),
    [
        (MARKED, '[[2, 9, "praise"]]', "for the document a, which is no label of task t"),
        (MARKED, '[[0, 2, "joy"]]', "'joy' is not in the task's"),
        (MARKED, "", "give null to abstain"),
        (MANY, "joy", "'joy' is not in the task's"),
        (LINKED, '[[0, 2, "place"]]', "no spans and relations"),
    ],
)
def test_spans_that_do_not_fit_their_text_are_an_error(params: FunctionVotes, answer: str, says: str) -> None:
    """It names the function, the answer, the document and what is wrong."""

    @labelling_function
    def marks(texts: pa.Array) -> pa.Array:
        return pa.array([answer] * len(texts), pa.string())

    with pytest.raises(OperatorError, match=f"labelling function marks gave .*{says}"):
        marks(DOCUMENTS, params=params)


CASES = [
    ("exclaims_praise_zh", "房间非常干净,强烈推荐!", "positive"),
    ("exclaims_praise_zh", "服务很好,但是房间差", None),
    ("exclaims_praise_zh", "今天到货", None),
    ("complains_zh", "用了一天就坏了,很失望", "negative"),
    ("complains_zh", "很满意", None),
    ("praises_en", "A delightful, funny film", "positive"),
    ("praises_en", "not good", None),
    ("praises_en", "I don't love it", None),
    ("complains_en", "A boring mess", "negative"),
    ("complains_en", "Never boring", None),
    ("complains_en", "It wasn't a waste", None),
    ("negated_praise_en", "It isn't very funny", "negative"),
    ("negated_praise_en", "Not good", "negative"),
    ("negated_praise_en", "good", None),
]


@pytest.mark.parametrize(("name", "text", "label"), CASES)
def test_the_functions_that_ship(name: str, text: str, label: str | None) -> None:
    """Each labelling function votes on the texts it is for and abstains on the others."""
    documents = pa.table({"id": ["a"], "source": ["shop"], "language": ["en"], "text": [text]})
    votes = resolve(reference(name))(documents, params=PARAMS)["votes"]
    assert said(votes) == ([] if label is None else [("a", f"function:{name}", label, None)])


def test_every_function_that_ships_has_a_case() -> None:
    """A labelling function without a test of its own is not shipped."""
    assert {name for name, _, _ in CASES} == set(function_names())
