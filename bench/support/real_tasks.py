"""Real texts with labels, one set for each kind of task, read from `../shared/data` and handed out as units.

A set says its texts; `units_of` divides them by hash of the text. Where a set has no labels of the kind that is asked
for, they follow from its texts, and the task says so (`made`).
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

from catalog.digests import canonical_json
from stages.labels.splits import TEST, TRAIN, VALIDATION
from stages.model.finetuning.units import Unit

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
REVIEWS = ("product_reviews_1", "product_reviews_2")
LONGEST = 400  # characters of a text

Said = tuple[str, str, str]  # text, second text or "", label


@dataclass(frozen=True)
class RealTask:
    """A task: its name and kind, what it reads, parameters of its kind, and how many times the epochs it takes."""

    name: str
    kind: str
    read: Callable[[], Iterator[Said]]
    made: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1


def units_of(task: RealTask, train: int, held_out: int) -> dict[str, list[Unit]]:
    """So many units to train on, to validate and to test (a fifth of a small set); no text stands in two splits."""
    found: dict[str, Unit] = {}
    for text, about, label in task.read():
        name = blake2b(f"{text}\n{about}".encode(), digest_size=16).hexdigest()
        if 0 < len(text) <= LONGEST:
            found[name] = Unit(id=name, about=about, split="", source=task.name, language="", text=text, label=label)
    order = sorted(found.values(), key=lambda unit: blake2b(unit.text.encode(), digest_size=8).digest())
    held_out = min(held_out, len(order) // 5)
    edges = {TEST: (0, held_out), VALIDATION: (held_out, 2 * held_out), TRAIN: (2 * held_out, 2 * held_out + train)}
    parts = {split: order[first:last] for split, (first, last) in edges.items()}
    held = {unit.text for split in (TEST, VALIDATION) for unit in parts[split]}
    return parts | {TRAIN: [unit for unit in parts[TRAIN] if unit.text not in held]}


def zipped(name: str, member: str) -> list[str]:
    """The lines of a file of NLTK's data."""
    with zipfile.ZipFile(DATA / f"nltk_data/{name}.zip") as archive:
        return archive.read(member).decode("latin-1").splitlines()


def polarity() -> Iterator[Said]:
    """Sentences of film reviews, positive or negative (Pang and Lee 2005)."""
    for label in ("pos", "neg"):
        for line in zipped("sentence_polarity", f"sentence_polarity/rt-polarity.{label}"):
            yield line.strip(), "", label


def reviews() -> Iterator[tuple[list[tuple[str, int]], str]]:
    """(features with how good they are said to be, sentence) of customers' reviews (Hu and Liu 2004)."""
    for name in REVIEWS:
        with zipfile.ZipFile(DATA / f"nltk_data/{name}.zip") as archive:
            members = [member for member in archive.namelist() if member.endswith(".txt") and "README" not in member]
        for member in members:
            for line in zipped(name, member):
                marks, parted, sentence = line.partition("##")
                if parted:
                    said = re.findall(r"([^,\[\]]+?)\s*\[([+-]\d?)\]", marks)
                    yield [(words.strip(), 1 if sign[0] == "+" else -1) for words, sign in said], sentence.strip()


def opinions() -> Iterator[Said]:
    """Does a sentence praise a feature, complain of one, both or neither?"""
    for marks, sentence in reviews():
        names = {1: "praise", -1: "complaint"}
        yield sentence, "", canonical_json(sorted({names[sign] for _, sign in marks}))


def features() -> Iterator[Said]:
    """What does a sentence praise, or complain of? In its own words, or nothing. Asked is what is there as often as
    what is not."""
    for marks, sentence in reviews():
        places = {sign: sentence.find(words) for words, sign in marks}
        words = {sign: words for words, sign in marks}
        for sign, question in ((1, "what is praised ?"), (-1, "what is bad ?")):
            if places.get(sign, -1) >= 0:
                yield sentence, question, canonical_json([places[sign], places[sign] + len(words[sign])])
            elif not marks and len(sentence) % 4 == 0:
                yield sentence, question, "[]"


def comparisons() -> Iterator[Said]:
    """What is compared with what, and in which respect (Jindal and Liu 2006): spans and relations."""
    sentence = ""
    for line in zipped("comparative_sentences", "comparative_sentences/labeledSentences.txt"):
        marks = re.findall(r"([123])_(\S+)", line) if re.match(r"\s*[123]_", line) else []
        if not marks:
            sentence = line.strip() if line.strip() and not line.startswith(("<", "*")) else sentence
            continue
        spans = sorted({
            (at.start(), at.end(), number) for number, word in marks
            if (at := re.search(rf"(?<!\S){re.escape(word)}(?!\S)", sentence))
        })  # fmt: skip
        links = {("1", "2"): "compared with", ("1", "3"): "in respect of"}
        relations = [
            [a, b, links[spans[a][2], spans[b][2]]] for a in range(len(spans)) for b in range(len(spans))
            if (spans[a][2], spans[b][2]) in links
        ]  # fmt: skip
        if len(spans) > 1:
            marked = [[start, stop, "thing"] for start, stop, _ in spans]
            yield sentence, "", canonical_json({"spans": marked, "relations": relations})


def names() -> Iterator[Said]:
    """Persons, organisations and places in sentences of Wikipedia (WikiANN, English)."""
    with tarfile.open(DATA / "ner/wikiann_devtest.tar.xz") as archive:
        for part in ("dev", "test"):
            member = archive.extractfile(f"WikiANN/en/{part}")
            for block in member.read().decode("utf-8").split("\n\n") if member else []:
                yield tagged([tuple(line.split("\t")[:2]) for line in block.splitlines() if "\t" in line])  # type: ignore[misc]


def tagged(words: list[tuple[str, str]]) -> Said:
    """A sentence of words with BIO tags as a text with spans."""
    spans: list[list[Any]] = []
    text = ""
    for word, tag in words:
        start = len(text) + bool(text)
        text = f"{text} {word.partition(':')[2]}" if text else word.partition(":")[2]
        if tag.startswith("B-"):
            spans.append([start, len(text), tag[2:]])
        elif tag.startswith("I-") and spans:
            spans[-1][1] = len(text)
    return text, "", canonical_json(spans)


def paragraphs() -> Iterator[tuple[str, str]]:
    """Aligned paragraphs of LibreOffice's help, English and Spanish."""
    with gzip.open(DATA / "parallel_libreoffice/en-es.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = line.rstrip("\n").split("\t")
            if len(pair) == 2 and 12 <= len(pair[0]) <= 80 and 12 <= len(pair[1]) <= 90:
                yield pair[0], pair[1]


def translations() -> Iterator[Said]:
    """The Spanish paragraph of an English one."""
    for english, spanish in paragraphs():
        yield english, "", spanish


def translated() -> Iterator[Said]:
    """Is the second text the translation of the first? Half are that of the paragraph before."""
    for (_, before), (english, spanish) in pairwise(paragraphs()):
        yield english, *((spanish, "yes") if len(english) % 2 else (before, "no"))


def headings() -> Iterator[Said]:
    """The heading of the first paragraph of an article or section of Wikipedia (WikiText-2)."""
    heading = ""
    for part in ("valid", "test"):
        for line in (DATA / f"wikitext2/{part}.txt").read_text(encoding="utf-8").splitlines():
            found = re.fullmatch(r"(?:= )+(.+?)(?: =)+", line.strip())
            if found:
                heading = found[1]
            elif line.strip() and heading:
                yield line.strip()[:LONGEST], "", heading
                heading = ""


def replies() -> Iterator[Said]:
    """The sentence that follows in a customer's review: no dialogue, but what one says next."""
    for (_, before), (_, after) in pairwise(reviews()):
        if 12 <= len(before) <= 150 and 12 <= len(after) <= 100:
            yield before, "", after


TASKS = (
    RealTask("classification", "classification", polarity),
    RealTask("multilabel", "multilabel", opinions),
    RealTask("pairs", "pairs", translated, made=True),
    RealTask("spans", "spans", names, epochs=2),
    RealTask("relations", "relations", comparisons, epochs=2),
    RealTask("questions", "questions", features, made=True, epochs=2),
    RealTask("translation", "generation", translations, epochs=3, more={"longest_target": 40}),
    RealTask("summarisation", "generation", headings, made=True, more={"longest_target": 16}),
    RealTask("dialogue", "generation", replies, made=True, more={"generator": "causal", "longest_target": 40}),
)
