"""What the state machine changes: made-up documents, a table of parameters, and edits of the project's code.

Every change is a line of shell, so that a failing sequence can be pasted. The small project keeps each parameter of a
stage on one line, as JSON, for `sed`.
"""

from __future__ import annotations

import json
import random
import shlex
from dataclasses import dataclass
from typing import Any

from tests.pipeline.conftest import HAN, WORDS, params

OPINIONS = ("good", "bad", "wonderful", "boring", "not good", "awful", "happy", "sad")
PAGE = """<html><head><title>{title}</title></head><body><nav><a href="/">home</a> <a href="/about">about us</a></nav>
<article><h1>{title}</h1><p>{text}</p><p>{more}</p></article><footer>all rights reserved</footer></body></html>
"""


def document(number: int) -> dict[str, str]:
    """A made-up review, English or Chinese by its number, most with a label; the same for the same number."""
    choose = random.Random(number)
    if number % 3 == 1:
        text = "".join(choose.choice(HAN) for _ in range(40)) + choose.choice(("很好", "太差", ""))
    else:
        text = " ".join([*(choose.choice(WORDS) for _ in range(24)), choose.choice(OPINIONS)]).capitalize() + "."
    given = ("bad", "good", "odd", None)[choose.randrange(4)]
    return {"id": str(number), "text": text} | ({"label": given} if given else {})


def line_of(record: dict[str, str]) -> str:
    """A document as a line of JSON."""
    return json.dumps(record, ensure_ascii=False)


def page(number: int) -> str:
    """A made-up web page."""
    text, more = document(3 * number)["text"] * 3, document(3 * number + 1)["text"]
    return PAGE.format(title=f"Page {number}", text=text, more=more)


def source(name: str, path: str) -> dict[str, Any]:
    """One entry of crawl.sources."""
    columns = {"columns": {"text": "text", "id": "id", "label": "label"}} if path.endswith(".jsonl") else {}
    return {"name": name, "kind": "files", "path": path, "licence": "CC0-1.0"} | columns


def task(**changed: Any) -> list[dict[str, Any]]:
    """label.tasks with some keys of the first task changed."""
    opinion = {
        "name": "opinion", "kind": "classification", "sources": [], "labels": ["bad", "good"], "given": {},
        "functions": [],
    }  # fmt: skip
    mood = {
        "name": "mood", "kind": "classification", "sources": [], "languages": ["en"],
        "labels": ["negative", "positive"], "functions": ["praises_en", "complains_en"],
    }  # fmt: skip
    return [opinion | changed, mood]


def base_params() -> dict[str, dict[str, Any]]:
    """The parameters of the small project, by stage."""
    sources = [source(f"reviews-{number}", f"inbox/{number}.jsonl") for number in (1, 2, 3)]
    block = params()
    block["crawl"] = {"sources": [*sources, source("pages", "inbox/pages")]}
    block["label"]["tasks"] = task()
    numbers = ("num_perm", "seed", "bands", "rows_per_band", "shingle_words", "shingle_characters")
    block["dedup"] |= dict.fromkeys(numbers) | {"source_priority": ["reviews-2"], "quality": "-words"}
    block["augment"] |= {"tasks": ["opinion", "mood"], "operators": ["delete_words", "swap"]}
    block["tokenize"] |= {"vocabulary": 520, "alphabet": 100, "sources": [entry["name"] for entry in sources]}
    block["clean"] |= {"max_garbage": 0.05, "max_body_bytes": 5242880, "max_depth": 512, "min_yield": 0.05}
    return block


def written(block: dict[str, dict[str, Any]]) -> str:
    """params.yaml with each parameter on one line."""
    return "\n".join(
        "".join(
            [f"{stage}:\n", *(f"  {name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in keys.items())]
        )
        for stage, keys in block.items()
    )


def set_parameter(key: str, value: Any) -> str:
    """The shell line that sets `stage.name` in such a params.yaml."""
    stage, _, name = key.partition(".")
    text = json.dumps(value, ensure_ascii=False)
    assert "|" not in text and "&" not in text and "\\" not in text
    return f"sed -i {shlex.quote(f'/^{stage}:/,/^$/ s|^  {name}: .*|  {name}: {text}|')} params.yaml"


PARAMETERS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("clean.overrides", ({"short.default.few_words": 25}, {"short.zh.few_words": 41}, {"short.default.few_words": 3})),
    ("clean.preset", ("prose", "c4-datatrove")),
    ("clean.presets", ({"reviews-1": "prose"}, {"reviews-2": "fineweb-en", "pages": "c4-tfds"})),
    ("clean.extractor", ("resiliparse", "trafilatura")),
    ("clean.structure", (True,)),
    ("clean.template_lines", ({"share": 0.2, "pages": 2},)),
    ("clean.normalize", ({"form": "NFKC", "width": "ascii"}, {"dehyphenate": False})),
    ("clean.max_garbage", (0.0, 1.0)),
    ("clean.max_body_bytes", (150, 600)),
    ("clean.max_depth", (3,)),
    ("clean.min_yield", (0.9,)),
    ("dedup.num_perm", (120,)),
    ("dedup.bands", (7, 1)),
    ("dedup.rows_per_band", (2,)),
    ("dedup.seed", (7,)),
    ("dedup.min_jaccard", (0.3, 1.0)),
    ("dedup.shingle_words", (1, 3)),
    ("dedup.shingle_characters", (1, 2)),
    ("dedup.max_dropped_fraction", (0.5,)),
    ("dedup.preset", ("nemo", "text-dedup")),
    ("dedup.levels", (["url", "exact"], ["exact", "normalised", "near"], ["exact", "paragraphs", "substrings"], [])),
    ("dedup.cut", ({"paragraphs": "drop", "substrings": "remove"}, {"paragraphs": "record"})),
    ("dedup.paragraph_tokens", (2,)),
    ("dedup.substring_tokens", (4,)),
    ("dedup.keep", (["oldest", "source_priority"], ["quality"])),
    ("dedup.verify", ("estimate",)),
    ("dedup.min_representative_similarity", (0.3,)),
    ("dedup.rehydrate", ("fineweb2",)),
    ("dedup.spread_above", (0,)),
    ("dedup.partition_documents", (12,)),
    (
        "label.split",
        (
            {"seed": 2, "validation": 0.1, "test": 0.1}, {"seed": 1, "validation": 0.3, "test": 0.3},
            {"seed": 1, "validation": 0.1, "test": 0.1, "given": {"reviews-2": "test"}},
        ),
    ),
    ("label.disjoint", ([], ["13-gram"])),
    (
        "label.tasks",
        (
            task(min_confidence=900), task(given={"odd": "good"}), task(languages=["zh"]), task(sources=["reviews-2"]),
            task(labels=["bad", "good", "odd"]), task(given_conflict="majority"), task(consensus="dawid_skene"),
            task(labels=["negative", "positive"], functions=["praises_en"], given={"bad": "negative"}),
        ),
    ),
    ("augment.alpha", (0.3,)),
    ("augment.copies", (2,)),
    ("augment.seed", (5,)),
    ("augment.operators", (["swap"], ["delete_words", "delete_sentences"])),
    ("augment.min_jaccard", (0.2, 1.0)),
    ("augment.tasks", (["mood"], [])),
    ("tokenize.vocabulary", (600,)),
    ("tokenize.alphabet", (50,)),
    ("tokenize.lowercase", (False,)),
    ("tokenize.min_frequency", (5,)),
    ("tokenize.sample_characters", (500,)),
    ("tokenize.seed", (3,)),
    ("tokenize.min_tokens", (60,)),
    ("tokenize.sources", ([], ["reviews-2"])),
)  # fmt: skip


@dataclass(frozen=True)
class CodeEdit:
    """A change of one file of the project's code, and the way back. `real`: it may change a result."""

    path: str
    there: str
    back: str
    real: bool = False

    def line(self, forward: bool) -> str:
        """The shell line; it fails where the edit does not apply, so that the table keeps up with the code."""
        path, script = shlex.quote(self.path), shlex.quote(self.there if forward else self.back)
        return f"sed -i.before {script} {path} && ! cmp -s {path} {path}.before && rm {path}.before"


def replaced(path: str, old: str, new: str, real: bool = True) -> CodeEdit:
    """An edit that swaps two fixed texts, neither with a character that `sed` reads otherwise."""
    return CodeEdit(path, f"s|{old}|{new}|", f"s|{new}|{old}|", real)


def remark(path: str) -> CodeEdit:
    """A comment as the last line."""
    return CodeEdit(path, "$a # a remark", "$d")


def renamed(path: str, old: str, new: str) -> CodeEdit:
    """Another name for a local variable, `new` being free in the file."""
    return CodeEdit(path, rf"s|\b{old}\b|{new}|g", rf"s|\b{new}\b|{old}|g")


CODE = (
    replaced("stages/text/rules/judging.py", "pc.greater if self.at_least", "pc.greater_equal if self.at_least"),
    replaced("stages/text/privacy/patterns.py", 'Kind("EMAIL"', 'Kind("MAIL"'),
    replaced("stages/text/rules/presets/short.yaml", "words: {at_least: 2}", "words: {at_least: 26}"),
    replaced("stages/duplicates/clustering.py", "np.full(len(one), 1000,", "np.full(len(one), 999,"),
    replaced("stages/labels/splits.py", "{seed}:{cluster}", "{cluster}:{seed}"),
    replaced("stages/labels/functions/praises_en.py", '"good", "great"', '"good", "river", "great"'),
    replaced("stages/augmentation/leaks.py", "MAX_GROWTH = 2.0", "MAX_GROWTH = 1.02"),
    replaced("stages/augmentation/perturb.py", "MIN_WORDS = 4 ", "MIN_WORDS = 20 "),
    replaced("stages/model/tokens/tokenizing.py", 'TOO_FEW = "too_few_tokens"', 'TOO_FEW = "too_short"'),
    replaced("stages/catalog.py", "in enumerate(STAGES.items())", "in enumerate(STAGES.items(), 1)"),
    replaced("stages/sources/captures.py", "MAX_ROWS = 4, 6, 8", "MAX_ROWS = 3, 4, 5"),
    remark("stages/clean.py"),
    remark("stages/text/minhash/signing.py"),
    remark("stages/labels/resolve.py"),
    remark("stages/tokenize.py"),
    renamed("stages/labels/splits.py", "positions", "places"),
    renamed("stages/augmentation/leaks.py", "lengths", "sizes"),
    renamed("stages/web/extract.py", "unreadable", "unread"),
)  # fmt: skip
