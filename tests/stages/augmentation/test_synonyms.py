"""Readers of Cilin and WordNet, on a few lines in their formats."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from catalog.errors import SourceError
from stages.augmentation.lexicon import LexiconParams, build_lexicon
from stages.augmentation.synonyms import cilin_lexicon, jieba_dictionary, omw_lexicon, table_lexicon, wordnet_lexicon
from stages.sources.settings.archive import Pinned

DICTIONARY = jieba_dictionary(
    [
        "立刻 900 d",
        "立即 800 d",
        "立时 39 d",
        "即时 30 v",
        "马上 700 d",
        "立马 4 d",
        "不快 500 a",
        "不悦 400 a",
        "broken",
    ]
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Ka01A01= 立时 立即 立刻"], {"立刻": ("立即",), "立即": ("立刻",), "立时": ("立刻", "立即")}),
        (["Ka01A01# 立即 立刻", "Ka01A02@ 立即"], {}),  # related words, single words
        (["Ka01A01= 立即 立刻", "Ka01A02= 立刻 一下"], {}),  # a word of two groups has two meanings
        (["Ka01A01= 立即 马上"], {}),  # no character in common
        (["Ka01A01= 立即 即时"], {}),  # another part of speech
        (["Ka01A01= 立即 立马"], {}),  # too rare
        (["Ka01A01= 不快 不悦"], {}),  # negations
        (["", "Ka01A01="], {}),
    ],
)
def test_cilin(lines: list[str], expected: dict[str, tuple[str, ...]]) -> None:
    """Only interchangeable words of one group of synonyms come out, the frequent first."""
    assert cilin_lexicon(lines, DICTIONARY) == expected


def test_an_open_multilingual_wordnet_is_read_as_strictly() -> None:
    """A synset is a group; other relations, other words of two synsets and short words stay out."""
    lines = [
        "# Chinese Open Wordnet\tcmn\t",
        "1-r\tcmn:lemma\t立刻", "1-r\tcmn:lemma\t立+即", "1-r\tcmn:def\t立时",
        "2-r\tcmn:lemma\t不快", "2-r\tcmn:lemma\t不悦",
    ]  # fmt: skip
    assert omw_lexicon(lines, DICTIONARY) == {"立刻": ("立即",), "立即": ("立刻",)}
    assert omw_lexicon([*lines, "3-r\tcmn:lemma\t立刻"], DICTIONARY) == {}


def test_a_table_is_believed() -> None:
    """One word a line, its synonyms behind tabs; a word may come twice."""
    lines = ["# ours", "", "Mill\tgrinder\tfactory", "mill\tworks\tgrinder", "好\t佳"]
    assert table_lexicon(lines, "en") == {"mill": ("grinder", "factory", "works"), "好": ("佳",)}


@pytest.mark.parametrize("line", ["mill", "mill\t", "\tfactory", "good\tnot bad", "never\tseldom"])
def test_a_line_without_a_synonym_is_named(line: str) -> None:
    """A table with other columns, or with negations, must not pass for a lexicon."""
    with pytest.raises(ValueError, match="line 2 is"):
        table_lexicon(["old\tancient", line], "en")


DATA = [
    "  1 This software and database is being provided to you\r",
    "00000100 10 n 03 movie 0 film 0 motion_picture 0 000 | a form of entertainment\r",
    "00000200 10 n 02 film 1 plate 0 000 | a thin coating\r",
    "00000300 10 v 02 use 0 employ 0 000 | put into service\r",
    "00000400 00 a 02 fast(p) 0 quick 0 000 | acting rapidly\r",
]
INDEX = [
    "  1 This software\r",
    "movie n 1 0 1 1 00000100  \r",
    "film n 2 1 @ 2 2 00000100 00000200  \r",
    "plate n 1 0 1 1 00000200  \r",
    "use v 1 0 1 1 00000300  \r",
    "employ v 1 0 1 1 00000300  \r",
    "fast a 1 0 1 1 00000400  \r",
    "quick a 1 0 1 1 00000400  \r",
]
COUNTS = [
    "movie%1:10:00:: 1 30", "film%1:10:00:: 1 20", "film%1:06:00:: 2 9", "plate%1:06:00:: 1 9",
    "use%2:34:00:: 1 9", "employ%2:34:00:: 1 8",
    "employ%1:04:00:: 1 50", "fast%3:00:00:: 1 6", "quick%5:00:00:fast:00 1 7",
]  # fmt: skip


def test_wordnet() -> None:
    """A word and its synonym must both mostly mean the shared sense; markers are no part of a word."""
    expected = {"movie": ("film",), "film": ("movie",), "fast": ("quick",), "quick": ("fast",)}
    assert wordnet_lexicon(DATA, INDEX, COUNTS) == expected


@pytest.mark.parametrize("count", ["film%1:06:00:: 2 90", "film%1:10:00:: 1 1"])
def test_wordnet_leaves_out_ambiguous_and_rare_words(count: str) -> None:
    """A word whose first sense is a minority, or that was hardly ever seen, is not replaced."""
    replaced = [count if line.split()[:2] == count.split()[:2] else line for line in COUNTS]
    assert "film" not in wordnet_lexicon(DATA, INDEX, replaced)


def test_wordnet_leaves_out_inflected_forms() -> None:
    """ "films" is also a form of "film", so it is not replaced by a word in another form."""
    data = ["00000500 10 n 02 films 0 pictures 0 000 | x"]
    index = ["films n 1 0 1 1 00000500", "pictures n 1 0 1 1 00000500", "film n 1 0 1 1 00000100"]
    counts = ["films%1:10:00:: 1 30", "pictures%1:10:00:: 1 30"]
    assert wordnet_lexicon(data, index, counts) == {}
    assert "films" in wordnet_lexicon(data, index[:2], counts)


def archive(tmp_path: Path, text: str) -> Pinned:
    path = tmp_path / "words-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as target:
        entry = tarfile.TarInfo("words-1.0/data/同义词.txt")
        entry.size = len(text.encode())
        target.addfile(entry, io.BytesIO(text.encode()))
    return Pinned(path=str(path), sha256=sha256(path.read_bytes()).hexdigest())


def test_lexicon_from_an_archive(tmp_path: Path) -> None:
    """The table of one language comes straight from the archive, ordered by word."""
    params = LexiconParams(language="zh", format="cilin", member="*/data/*.txt")
    [(name, key, table)] = build_lexicon(archive(tmp_path, "Ka01A01= 立即 立刻\n"), params)
    assert (name, key) == ("lexicon", None)
    assert table.to_pylist() == [
        {"language": "zh", "word": "立刻", "synonyms": ["立即"]},
        {"language": "zh", "word": "立即", "synonyms": ["立刻"]},
    ]


def test_a_table_may_lie_outside_of_an_archive(tmp_path: Path) -> None:
    """A file of the repository, pinned by its sha256; a wrong line is an error that names both."""
    path = tmp_path / "words.tsv"
    path.write_text("old\tancient\n", encoding="utf-8")
    params = LexiconParams(language="en", format="tsv")
    pinned = Pinned(path=str(path), sha256=sha256(path.read_bytes()).hexdigest())
    [(_, _, table)] = build_lexicon(pinned, params)
    assert table.to_pylist() == [{"language": "en", "word": "old", "synonyms": ["ancient"]}]
    path.write_text("old, ancient\n", encoding="utf-8")
    pinned = Pinned(path=str(path), sha256=sha256(path.read_bytes()).hexdigest())
    with pytest.raises(SourceError, match=r"words.tsv, line 1 is 'old, ancient'.*correct augment\.synonyms\.en"):
        list(build_lexicon(pinned, params))


@pytest.mark.parametrize(
    ("text", "member"), [("nothing here\n", "*/data/*.txt"), ("Ka01A01= 立即 立刻\n", "*/other/*")]
)
def test_an_empty_lexicon_is_refused(tmp_path: Path, text: str, member: str) -> None:
    """A wrong member or format must not quietly turn synonyms off."""
    params = LexiconParams(language="zh", format="cilin", member=member)
    with pytest.raises(SourceError, match=r"no synonyms in .* correct augment\.synonyms\.zh"):
        list(build_lexicon(archive(tmp_path, text), params))
