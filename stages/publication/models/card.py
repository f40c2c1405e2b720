"""The model card: what a run learnt from, how it scores and with what uncertainty, and how it is loaded.

Reads   data/catalog: what the run has read (exposure), how it was tested (predictions, metrics)
Numbers are its answers; the intended use is the author's to say, in the block `card` of params.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from catalog.errors import InputError
from stages.publication import words
from stages.publication.author import Author
from stages.publication.facts import Facts, Rows, facts_of, rows_of
from stages.publication.folder import unexported
from stages.publication.front_matter import document, languages_and_licences
from stages.publication.markdown import counted, escaped, table
from stages.publication.models.measured import Measured
from stages.publication.models.questions import QUESTIONS
from stages.publication.models.runs import Run
from stages.publication.models.weights import Exported, Form
from stages.publication.questionnaire import answered

QUERIES = Path(__file__).parent / "queries"
_LOGITS = "scores = model(**batch).logits"
_VECTORS = "vectors = model(**batch).last_hidden_state"
_HEAD = (
    'head = safetensors.torch.load_file(f"{folder}/head.safetensors")',
    'scores = vectors @ head["weight"].T + head["bias"]',
)
_MEAN = ('kept = batch["attention_mask"].unsqueeze(-1)', "{0} = ({0} * kept).sum(1) / kept.sum(1)")
SCORES: dict[Form, tuple[str, ...]] = {
    "whole": ("found = model(**batch)",),
    "document": (_LOGITS,),
    "mean": (_LOGITS, *(line.format("scores") for line in _MEAN)),
    "tags": (f"{_LOGITS}  # [texts, tokens, tags]",),
    "answer": ("found = model(**batch)", "begins, ends = found.start_logits, found.end_logits  # [texts, tokens]"),
    "mean vector": (_VECTORS, *(line.format("vectors") for line in _MEAN), *_HEAD),
    "token vectors": (_VECTORS, *_HEAD),
    "two vectors": (
        "# `places`: of each text the tokens @ before the first span, and # before the second, [texts, 2]",
        _VECTORS, "vectors = vectors[torch.arange(len(places))[:, None], places].flatten(1)", *_HEAD,
    ),
}  # fmt: skip
"""How scores are read off each form of a model, in Python."""
CLASS = ("print([model.config.id2label[place] for place in scores.argmax(1).tolist()])",)
SEVERAL = (
    "print([[model.config.id2label[place] for place, one in enumerate(row) if one > 0] for row in scores.tolist()])",
)
WHOLE_TEXTS = {"classification": CLASS, "pairs": CLASS, "multilabel": SEVERAL}
_ALONE = "no class of its kind in transformers has that head alone, so it stands in a file of its own."
NOTES: dict[Form, str] = {
    "mean": "The network averages over the tokens of a text, which no class of its kind in transformers does. A linear "
            "layer commutes with the mean: here the tokens are scored, and the scores averaged, which is the same.",
    "mean vector": f"The network averages over the tokens of a text and has one linear layer; {_ALONE}",
    "token vectors": f"One linear layer scores each token; {_ALONE}",
    "two vectors": f"One linear layer scores the vectors of two tokens side by side; {_ALONE}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a card says: the run, its model, what it read, and how it was measured."""

    run: Run
    model: Exported
    facts: Facts
    tested: Mapping[str, Rows]
    """Answers to the queries beside this file, about the test documents."""
    measured: Sequence[Measured]


def about(connection: duckdb.DuckDBPyConnection, run: Run, model: Exported, measured: Sequence[Measured]) -> About:
    """Ask the catalog. Errors: InputError where it does not know these weights."""
    sql = "SELECT sha256 FROM segments WHERE stage = ? AND table_name = ?"
    known = {row[0] for row in connection.execute(sql, [run.stage, run.name]).fetchall()}
    if not set(run.files.values()) <= known:
        raise InputError(f"the catalog does not know these weights of {run.name}; run `dvc repro catalog`")
    _publish(connection, run)
    return About(
        run=run, model=model, facts=facts_of(connection, unexported({})), measured=measured,
        tested={path.stem: rows_of(connection, path) for path in sorted(QUERIES.glob("*.sql"))},
    )  # fmt: skip


def _publish(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """`memory.published`: the documents that the run has read, before or in fine-tuning; and what the queries need."""
    stages = "('finetune', 'pretrain')" if run.system.startswith("pretrained") else f"('{run.stage}')"
    sql = (
        "SELECT id, coalesce(split, 'train') AS split FROM documents LEFT JOIN splits USING (id) WHERE id IN "
        f"(SELECT id FROM exposure WHERE stage IN {stages} AND (stage = 'pretrain' OR run = ?))"
    )
    connection.execute(f"CREATE TABLE memory.published AS {sql}", [run.name])
    connection.execute("CREATE TABLE memory.tested AS SELECT DISTINCT id FROM predictions WHERE run = ?", [run.name])
    connection.execute("CREATE TABLE memory.asked AS SELECT ? AS run, ? AS system", [run.name, run.system])


def model_card(said: About, author: Author) -> str:
    """The document."""
    return document(_front_matter(said, author), _body(said, author))


def _front_matter(said: About, author: Author) -> dict[str, Any]:
    found = {"library_name": "transformers", **languages_and_licences(said.facts, author)}
    tags = {"document": "text-classification", "tags": "token-classification", "answer": "question-answering"}
    return found | ({"pipeline_tag": tags[said.model.form]} if said.model.form in tags else {})


def _body(said: About, author: Author) -> Iterator[str]:
    yield f"# {escaped(author.title)}: {said.run.name}"
    classes = f" Its classes: {', '.join(map(escaped, filter(None, said.model.labels)))}." if said.model.labels else ""
    yield (
        f"{type(said.model.model).__name__} of {said.model.model.num_parameters():,} parameters, trained on texts of "
        f"at most {said.model.width} tokens.{classes}"
    )
    yield _loading(said)
    yield from answered(QUESTIONS, said.facts, author)
    yield f"## Scores\n\n{scores(said)}"
    yield f"## What it learnt from\n\n{words.sizes(said.facts)} Data version {said.facts.record.catalog[:12]}."
    yield words.sources(said.facts)
    yield words.languages(said.facts)
    yield f"## Contamination\n\n{contamination(said)}"
    files = [{"path": path, "sha256": digest} for path, digest in said.run.files.items()]
    yield f"## Where it comes from\n\nStage {said.run.stage}, run {said.run.name}, of these files:\n\n" + table(
        files, path="file", sha256="sha256"
    )


def _loading(said: About) -> str:
    lines = [
        *(["import safetensors.torch"] if said.model.head else []),
        f"from transformers import {said.model.auto}, AutoTokenizer",
        "",
        'folder = "path/to/this/folder"',
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f"model = {said.model.auto}.from_pretrained(folder).eval()",
        'batch = tokenizer(["a text"], return_tensors="pt", padding=True, truncation=True)',
        *SCORES[said.model.form],
        *WHOLE_TEXTS.get(said.model.kind, ()),
    ]
    notes = [NOTES[said.model.form]] if said.model.form in NOTES else []
    if said.model.kind in WHOLE_TEXTS:
        notes.append(
            f"Of texts longer than {said.model.width} tokens it was trained on the first and the last half; "
            "`truncation=True` keeps the first tokens."
        )
    return "\n\n".join(["```python\n" + "\n".join(lines) + "\n```", *notes])


def scores(said: About) -> str:
    """How the run scores beside other systems on the same test texts, by slice, and in each form it is written."""
    columns = {
        "run": "system",
        "metric": "measure",
        "value": "value",
        "interval": "95 % interval",
        "units": "test texts",
    }
    found = [_scored(said.tested["scores"], columns)]
    if said.tested["slices"]:
        found += ["By source, language and length:", _scored(said.tested["slices"], {"slice": "slice"} | columns)]
    forms = [
        {
            "form": one.form,
            "measure": one.metric.replace("_", " "),
            "value": f"{one.value:.4f}",
            "same": one.same,
            "documents": one.documents,
        }
        for one in said.measured
    ]
    if forms:
        found.append("The forms in which it is written, measured on the same test texts:")
        columns = {"form": "form", "measure": "measure", "value": "value", "same": "says what the run said"}
        found.append(table(forms, **columns, documents="test texts"))
    return "\n\n".join(found)


def _scored(rows: Rows, columns: Mapping[str, str]) -> str:
    said = [
        row | {"value": f"{row['value']:.4f}", "metric": row["metric"].replace("_", " "),
               "interval": "" if row["low"] is None else f"{row['low']:.4f} to {row['high']:.4f}"}
        for row in rows
    ]  # fmt: skip
    return table(said, **columns) if said else "Not evaluated."


def contamination(said: About) -> str:
    """Does what it is tested on stand in what it has read?"""
    (row,) = said.tested["contamination"]
    if not row["tested"]:
        return "Not evaluated."
    checks = table(said.tested["split_checks"], task="task", split="split", measure="measure",
                   found="texts that repeated a test text", left="left among the labels")  # fmt: skip
    return (
        f"Of {counted(row['tested'], 'test document')}, the model has read {row['read']:,}; "
        f"{row['near']:,} have a near-duplicate that it has read.\n\n{checks}"
    )
