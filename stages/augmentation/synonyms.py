"""Synonym lexicons from published dictionaries: Cilin or an Open Multilingual Wordnet for Chinese, WordNet for English.

Reads   the lines of a pinned file, or of a member of a pinned archive, which is fetched by the stage, never unpacked.
Gives   {word: synonyms, most frequent first}.

They are strict, because a bad synonym changes a label: only words that have one meaning, or mostly one, are
replaced, only by single words of the same part of speech, and never by a negation. A table of your own is believed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from stages.augmentation.negation import negations

MOST = 3  # synonyms kept per word
MIN_LETTERS = 3  # characters; shorter words have too many meanings
MIN_LENGTH = {"zh": 2}  # the same where words are written without spaces
MIN_TAGGED = 3  # occurrences in WordNet's tagged texts, of a word and of its synonym
MIN_FREQUENCY = 5  # occurrences in jieba's counts
MAX_RARER = 20  # a synonym is at most this many times rarer than the word
MAIN_SENSE = 0.5  # tagged occurrences of the first sense / of all senses and parts of speech
CONTENT_TAGS = "nvadilz"  # first letters of jieba's tags: nouns, verbs, adjectives, adverbs, idioms, set phrases
PARTS = {
    "1": "noun",
    "2": "verb",
    "3": "adj",
    "4": "adv",
    "5": "adj",
}  # ss_type of a sense key (senseidx(5WN))
FUNCTION_WORDS = frozenset((
    "about", "above", "after", "again", "all", "also", "and", "any", "are", "around", "away", "because", "been",
    "before", "behind", "being", "below", "beside", "both", "but", "can", "could", "did", "does", "down", "during",
    "each", "either", "else", "every", "few", "first", "for", "from", "had", "has", "have", "her", "here", "him",
    "his", "how", "instead", "into", "its", "just", "last", "least", "less", "little", "many", "may", "more", "most",
    "much", "must", "near", "next", "now", "off", "once", "one", "only", "other", "our", "out", "over", "own", "past",
    "same", "several", "she", "should", "since", "some", "someone", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "three", "through", "too", "toward", "two", "under", "until",
    "upon", "very", "was", "were", "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will",
    "with", "within", "would", "yet", "you",
))  # fmt: skip

Lexicon = dict[str, tuple[str, ...]]


def cilin_lexicon(lines: Iterable[str], dictionary: Mapping[str, tuple[int, str]]) -> Lexicon:
    """Chinese synonyms from Cilin: lines `Aa01A01= 人 士 人物`, of which those with `=` hold synonyms.

    `dictionary` gives (frequency, part of speech) of a word, as in jieba's dict.txt. Used are content words
    that stand in one group only. A synonym has the same length and part of speech, shares a character
    (Cilin's groups are wide), and comes by frequency.
    """
    return _of_groups([line.split()[1:] for line in lines if line.partition(" ")[0].endswith("=")], dictionary)


def omw_lexicon(lines: Iterable[str], dictionary: Mapping[str, tuple[int, str]]) -> Lexicon:
    """Chinese synonyms from an Open Multilingual Wordnet: lines `synset<TAB>cmn:lemma<TAB>word`.

    The words of a synset are a group, read as strictly as those of Cilin; a `+`, which marks parts, is left out.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        synset, _, rest = line.partition("\t")
        relation, _, word = rest.partition("\t")
        if relation.endswith("lemma"):
            groups[synset].append(word.replace("+", "").strip())
    return _of_groups(groups.values(), dictionary)


def table_lexicon(lines: Iterable[str], language: str) -> Lexicon:
    """Synonyms from a table: lines `word<TAB>synonym<TAB>synonym ...`; empty lines and comments (#) say nothing.

    Words are lower-cased. Errors: ValueError naming a line without a synonym, or one with a negation.
    """
    lexicon: Lexicon = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, *synonyms = (cell.strip().lower() for cell in line.split("\t"))
        if not word or not all(synonyms) or not synonyms:
            raise ValueError(f"line {number} is {line!r}, must be a word and its synonyms, with tabs between them")
        if any(negations(cell, language) for cell in (word, *synonyms)):
            raise ValueError(f"line {number} is {line!r}: a negation is no synonym")
        lexicon[word] = tuple(dict.fromkeys((*lexicon.get(word, ()), *synonyms)))
    return lexicon


def _of_groups(given: Iterable[Iterable[str]], dictionary: Mapping[str, tuple[int, str]]) -> Lexicon:
    """Synonyms from groups of words, of which those that stand in one group only are used."""
    groups = [list(dict.fromkeys(group)) for group in given]
    meanings = Counter(word for group in groups for word in group)
    lexicon: Lexicon = {}
    for group in groups:
        usable = [word for word in group if meanings[word] == 1 and _usable_chinese(word, dictionary)]
        usable.sort(key=lambda word: (-dictionary[word][0], word))
        for word in usable:
            same = [other for other in usable if _interchangeable(word, other, dictionary)]
            if same:
                lexicon[word] = tuple(same[:MOST])
    return lexicon


def _usable_chinese(word: str, dictionary: Mapping[str, tuple[int, str]]) -> bool:
    frequency, tag = dictionary.get(word, (0, "x"))
    return frequency >= MIN_FREQUENCY and tag[0] in CONTENT_TAGS and is_content_word(word, "zh")


def _interchangeable(word: str, other: str, dictionary: Mapping[str, tuple[int, str]]) -> bool:
    """May `other` stand for `word`, a member of the same Cilin group?"""
    if word == other or len(word) != len(other) or not set(word) & set(other):
        return False
    return dictionary[word][1] == dictionary[other][1] and MAX_RARER * dictionary[other][0] >= dictionary[word][0]


def jieba_dictionary(lines: Iterable[str]) -> dict[str, tuple[int, str]]:
    """{word: (frequency, part of speech)} from lines `word frequency tag`."""
    rows = (line.split() for line in lines)
    return {row[0]: (int(row[1]), row[2]) for row in rows if len(row) == 3}


def wordnet_lexicon(data: Iterable[str], index: Iterable[str], counts: Iterable[str]) -> Lexicon:
    """English synonyms from WordNet's files data.*, index.* and cntlist.rev (formats: wndb(5WN),
    senseidx(5WN)).

    A word is used in the sense that makes up MAIN_SENSE of its tagged occurrences, and so must be each of its
    synonyms in the same synset; they come by number of occurrences. Function words and inflected forms are
    left out.
    """
    members = dict(_synset(line) for line in data if line[:8].isdigit())
    first, total = _tagged(counts)
    senses = [_first_sense(line) for line in index if not line.startswith(" ")]
    lemmas = {lemma for lemma, _, _ in senses}
    main = {
        lemma: (part, offset)
        for lemma, part, offset in senses
        if first.get((lemma, part), 0) >= max(MAIN_SENSE * total[lemma], 1)
        and total[lemma] >= MIN_TAGGED and is_content_word(lemma, "en") and not _inflected(lemma, lemmas)
    }  # fmt: skip
    lexicon: Lexicon = {}
    for lemma, synset in main.items():
        others = [word for word in members[synset] if word != lemma and main.get(word) == synset]
        others = sorted(
            (word for word in others if MAX_RARER * total[word] >= total[lemma]),
            key=lambda word: (-total[word], word),
        )
        if others:
            lexicon[lemma] = tuple(others[:MOST])
    return lexicon


def _first_sense(line: str) -> tuple[str, str, str]:
    """(lemma, part of speech, offset of its first synset) of one line of an index file."""
    fields = line.split()
    part = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}[fields[1]]
    return fields[0], part, fields[-int(fields[2])]


def _inflected(word: str, lemmas: set[str]) -> bool:
    """Could it be a form of another word: a plural, a third person, a participle?"""
    if word.endswith("ing"):
        return word[:-3] in lemmas or word[:-3] + "e" in lemmas
    if word.endswith("ed"):
        return word[:-2] in lemmas or word[:-1] in lemmas
    return word.endswith("s") and (word[:-1] in lemmas or word[:-2] in lemmas)


def _synset(line: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    """((part of speech, offset), words) of one line of a data file; `(p)` and the like are cut off."""
    fields = line.split()
    part = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}[fields[2]]
    words = [fields[4 + 2 * i].partition("(")[0] for i in range(int(fields[3], 16))]
    return (part, fields[0]), tuple(word for word in words if is_content_word(word, "en"))


def _tagged(counts: Iterable[str]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """From cntlist.rev: occurrences of the first sense by (lemma, part of speech), of all senses by lemma."""
    first: dict[tuple[str, str], int] = {}
    total: dict[str, int] = defaultdict(int)
    for line in counts:
        key, number, count = line.split()
        lemma, _, rest = key.partition("%")
        total[lemma] += int(count)
        if number == "1":
            first[lemma, PARTS[rest[0]]] = int(count)
    return first, total


def is_content_word(word: str, language: str) -> bool:
    """One lower-case word, long enough, neither a function word nor a negation."""
    if len(word) < MIN_LENGTH.get(language, MIN_LETTERS) or word in FUNCTION_WORDS or negations(word, language):
        return False
    return word.isalpha() and word == word.lower()
