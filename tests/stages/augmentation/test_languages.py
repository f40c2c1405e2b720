"""The languages of what is copied, and that each has its lexicon."""

import pyarrow as pa
import pytest

from catalog.errors import ParameterError
from stages.augmentation.languages import LANGUAGES, LanguageParams, check_lexicons, count_languages
from tests.stages.label_tables import Part


def counted(*rows: tuple[str, str, int]) -> pa.Table:
    """Rows of (task, language, documents)."""
    return pa.Table.from_pylist([dict(zip(LANGUAGES.names, row, strict=True)) for row in rows], schema=LANGUAGES)


def test_training_documents_are_counted_over_all_segments() -> None:
    """Other splits, other tasks and dropped labels are not; a document of two tasks counts for both."""
    columns = ("id", "task", "split", "label", "drop_reason")
    rows = [
        ("a", "mood", "train", "good", None), ("b", "mood", "train", "bad", None), ("c", "mood", "train", "bad", None),
        ("d", "mood", "test", "good", None), ("e", "mood", "train", None, "label_conflict"),
        ("a", "taste", "train", "sweet", None), ("b", "other", "train", "x", None),
    ]  # fmt: skip
    schema = pa.schema([(name, pa.string()) for name in columns])
    labels = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema=schema)
    texts = pa.table({"id": list("abcde"), "language": ["en", "zh", "en", "en", "en"]})
    segments = [Part("0", labels.slice(0, 2)), Part("1", labels.slice(2))]
    ((_, _, found),) = count_languages(
        segments, [Part("0", texts), Part("1", texts)], params=LanguageParams(tasks=["mood", "taste"])  # type: ignore[arg-type]
    )  # fmt: skip
    assert found.equals(counted(("mood", "en", 2), ("mood", "zh", 1), ("taste", "en", 1)))


def test_a_language_without_a_lexicon_stops_the_stage() -> None:
    """Each is named with its task and how much of it it is; strays are let be."""
    counts = counted(("mood", "en", 80), ("mood", "zh", 20), ("taste", "en", 96), ("taste", "fr", 4), ("nose", "de", 1))
    with pytest.raises(ParameterError) as caught:
        check_lexicons(counts, ["swap", "synonym", "insert"], ["en"])
    assert str(caught.value).splitlines() == [
        "augment.operators has synonym, insert, but augment.synonyms has nothing for zh, the language of 20 of the 100 "
        "documents of mood",
        "augment.operators has synonym, insert, but augment.synonyms has nothing for de, the language of 1 of the 1 "
        "documents of nose",
        "Edit params.yaml, then `dvc repro augment`.",
    ]


@pytest.mark.parametrize(("operators", "known"), [(["swap"], []), (["synonym"], ["en", "zh"]), ([], [])])
def test_what_needs_no_lexicon_or_has_one_goes_on(operators: list[str], known: list[str]) -> None:
    """Only operators that replace words by synonyms ask for one."""
    check_lexicons(counted(("mood", "en", 80), ("mood", "zh", 20)), operators, known)
