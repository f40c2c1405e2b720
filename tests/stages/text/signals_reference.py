"""The counters of counting.py, tokens.py, wordcounts.py, lines.py and repetition.py, written slowly and plainly."""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from stages.text.signals import kinds as rules

Span = tuple[int, int]


def general(character: str) -> str:
    """The general category; what is in no table of ours (private use, tags) has none."""
    return unicodedata.category(character) if ord(character) <= rules.LAST_ASSIGNED else "--"


def is_han(character: str) -> bool:
    inside = any(first <= ord(character) <= last for first, last in rules.HAN_BLOCKS)
    return inside and general(character)[0] in "LN"


def is_mark(character: str) -> bool:
    return general(character)[0] == "M" or character in rules.JOINERS


def is_word(character: str) -> bool:
    return general(character)[0] in "LN" or is_mark(character)


def is_letter(character: str) -> bool:
    return general(character)[0] == "L"


def is_single(character: str) -> bool:
    first, last = rules.HIRAGANA_BLOCK
    return is_han(character) or (first <= ord(character) <= last and is_letter(character))


def is_sign(character: str) -> bool:
    return general(character)[0] in "PSC" and not character.isspace() and character not in rules.JOINERS


def is_icon(character: str) -> bool:
    return general(character) == "So" or character in rules.ICONS


def is_wide(character: str) -> bool:
    return is_sign(character) and any(first <= ord(character) <= last for first, last in rules.WIDE_BLOCKS)


def dots(text: str) -> int:
    return len(text) - len(text.lstrip("."))


def front(text: str) -> int:
    """Characters split off the beginning of a piece between two spaces."""
    if text[0] == ".":
        return dots(text) if dots(text) > 1 else 0
    if text[0] == "+":
        return int(not text[1:2].isdecimal())
    return int(text[0] in rules.FRONTS or general(text[0]) == "So")


def last_stop(text: str) -> int:
    if len(text) < 2 or text.endswith(".."):
        return dots(text[::-1]) if len(text) > 1 else 0
    if is_letter(text[-2]) and (len(text) == 2 or (len(text) == 4 and text[1] == ".")):
        return 0
    if general(text[-2]) in ("Ll", "Lo", "Nd") or text[-2] in rules.BEFORE_STOPS:
        return 1
    return int(len(text) > 2 and all(general(character) in ("Lu", "Lt", "Lo") for character in text[-3:-1]))


def back(text: str) -> int:
    """Characters split off the end of a piece between two spaces."""
    if text[-1] == ".":
        return last_stop(text)
    if text[-1] in rules.BACKS or general(text[-1]) == "So":
        return 1
    for size, form in ((2, "['’][sSmMdD]"), (3, "[nN]['’][tT]"), (3, "['’]([lL][lL]|[rRvV][eE])")):
        if len(text) > size and re.search(form + r"\Z", text):
            return size
    if is_letter(text[-1]):
        size = len(list(takewhile(is_letter, reversed(text))))
        return size if text[-size:] in rules.UNITS and text[-size - 1 : -size].isdecimal() else 0
    return int(text[-2:-1].isdecimal() and text[-1] in "+%" + rules.CURRENCIES)


def infix(text: str, at: int, spelled: bool) -> int:
    """Characters of the sign that splits a word at a place, 0 for none; `spelled`: each ideograph is a token."""
    sign, before, after = text[at], text[at - 1] if at else "", text[at + 1 : at + 2]
    if dots(text[at:]) > 1 or is_icon(sign) or (spelled and is_wide(sign)):
        return max(dots(text[at:]), 1)
    if not before or not after:
        return 0
    if spelled and is_sign(sign) and (is_single(before) or is_single(after)):
        return 1
    if sign in rules.MATHS and before.isdecimal() and (after.isdecimal() or after == "-"):
        return 1
    if sign in rules.HYPHENS:
        same = len(re.match("-{1,3}|—{1,3}|.", text[at:], re.S).group())  # type: ignore[union-attr]
        follows = text[at + same : at + same + 1]
        return same if (is_letter(before) or before.isdecimal()) and follows and is_letter(follows) else 0
    if sign == ".":
        low = general(before) in ("Ll", "Lo") or before in rules.QUOTES
        return int(low and (general(after) in ("Lu", "Lt", "Lo") or after in rules.QUOTES))
    if sign == ",":
        return int(is_letter(before) and is_letter(after))
    return int(sign in rules.JOINTS and (is_letter(before) or before.isdecimal()) and is_letter(after))


def middle(text: str, spelled: bool) -> list[Span]:
    spans, run, at = [], 0, 0
    while at < len(text):
        if text[at:].startswith("://"):
            break
        size = infix(text, at, spelled)
        if spelled and is_single(text[at]):
            size = 1 + len(list(takewhile(is_mark, text[at + 1 :])))
        if size:
            spans += [(run, at)] if run < at else []
            spans.append((at, at + size))
            run = at + size
        at += size or 1
    return spans + ([(run, len(text))] if run < len(text) else [])


def token_spans(text: str, spelled: bool) -> list[Span]:
    """The tokens of a text (the rule is in the docstring of stages/text/signals/kinds.py)."""
    spans: list[Span] = []
    pieces = "".join(" " if character.isspace() else character for character in text)
    for piece in re.finditer("[^ ]+", pieces):
        start, end, tail = piece.start(), piece.end(), []
        while start < end:
            if size := front(text[start:end]):
                spans.append((start, start + size))
                start += size
            elif size := back(text[start:end]):
                tail.append((end - size, end))
                end -= size
            else:
                break
        spans += [(start + a, start + b) for a, b in middle(text[start:end], spelled)] + tail[::-1]
    return spans


def ends_sentence(line: str, at: int, begin: int) -> bool:
    if not any(map(is_word, line[begin:at])):
        return False
    rest = list(takewhile(lambda one: one in rules.STOPS + rules.WIDE_STOPS + rules.CLOSERS, line[at + 1 :]))
    after = line[at + 1 + len(rest) :]
    return any(one in rules.WIDE_STOPS for one in [line[at], *rest]) or not after or after[0].isspace()


def sentences(line: str) -> int:
    count, begin = 0, 0
    for at, character in enumerate(line):
        if character in rules.STOPS + rules.WIDE_STOPS and ends_sentence(line, at, begin):
            count, begin = count + 1, at + 1
    return count + any(map(is_word, line[begin:]))


def repeats(pieces: Sequence[Any], sizes: Sequence[int]) -> tuple[int, int]:
    seen: set[Any] = set()
    again = [size for piece, size in zip(pieces, sizes, strict=True) if piece in seen or seen.add(piece)]  # type: ignore[func-returns-value]
    return len(again), sum(again)


def top_gram(words: list[str], n: int) -> int:
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    gram, times = Counter(grams).most_common(1)[0] if grams else ((), 0)
    return len(" ".join(gram)) * times if times > 1 else 0


def repeated_grams(words: list[str], n: int) -> int:
    seen, total, at = set(), 0, 0
    while at + n <= len(words):
        gram = tuple(words[at : at + n])
        if gram in seen:
            total += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return total


def lower_ascii(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def line_counters(text: str, spelled: bool) -> Counter[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    result: Counter[str] = Counter()
    kept = []
    for line in lines:
        lowered = lower_ascii(line)
        terminal, ellipsis = line[-1] in rules.TERMINALS, line.endswith("...")
        result["short_lines"] += len(line) <= 30
        result["terminal_lines"] += terminal
        result["bullet_lines"] += line[0] in rules.BULLETS or (line[0] in "*+" and line[1:2].isspace())
        result["ellipsis_lines"] += line.endswith(("...", "…"))
        result["boilerplate_lines"] += any(phrase in lowered for phrase in rules.POLICIES)
        result["lorem_ipsum"] += rules.LOREM in lowered
        result["sentences"] += sentences(line)
        if len(line.split()) < 3 or max(map(len, line.split())) > 1000:
            continue
        result["c4_lorem_ipsum"] += rules.LOREM in lowered
        result["c4_curly_brackets"] += "{" in line and "javascript" not in lowered
        if any(phrase in lowered for phrase in rules.POLICIES):
            continue
        kept.append(line)
        ended = line[-1] in rules.C4_ENDS and not ellipsis
        result["c4_terminal_lines"] += terminal
        result["c4_sentences"] += sentences(line)
        result["c4_ended_sentences"] += sentences(line) * ended
        result["c4_tfds_sentences"] += sentences(line) * (ended and len(line.split()) >= 5)
    result["lines"], result["line_characters"] = len(lines), sum(map(len, lines))
    result["c4_lines"], result["c4_line_characters"] = len(kept), sum(map(len, kept))
    result["c4_short_lines"], result["c4_newlines"] = sum(len(line) <= 30 for line in kept), max(len(kept) - 1, 0)
    result["c4_tokens"] = sum(len(token_spans(line, spelled)) for line in kept)
    result["repeated_lines"], result["repeated_line_characters"] = repeats(
        placed(lines, spelled), list(map(len, lines))
    )
    result["c4_repeated_line_characters"] = repeats(placed(kept, spelled), list(map(len, kept)))[1]
    return result


def placed(lines: list[str], spelled: bool) -> list[Any]:
    """Two lines are equal when the same tokens stand at the same places, whatever spaces are between them."""
    return [tuple((start, line[start:end]) for start, end in token_spans(line, spelled)) for line in lines]


def paragraphs(text: str, spelled: bool) -> tuple[list[Any], list[int]]:
    """The paragraphs, to be compared, and their lengths."""
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        parts[-1].append(line) if line.strip() else parts.append([])
    parts = [part for part in parts if part]
    compared = [tuple(placed([line.strip() for line in part], spelled)) for part in parts]
    return compared, [len("\n".join(part).strip()) for part in parts]


def is_plain(token: str) -> bool:
    return not all(map(is_sign, token))


def is_capital(token: str) -> bool:
    """A capital letter stands in it, and no small one, nor one without case."""
    found = set(map(general, token))
    return bool(found & {"Lu", "Lt"}) and not found & {"Ll", "Lo"}


def normalised(text: str) -> list[str]:
    """The words of RedPajama-2: between spaces, lower case character by character, without ASCII punctuation."""
    lowered = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
    return lowered.translate(str.maketrans("", "", string.punctuation)).split()


def recurring(runs: Sequence[Any], unit: str, name: str) -> dict[str, int]:
    """Runs of ten, and those of kinds that occur twice; of characters the most frequent kinds only."""
    kinds = Counter(runs)
    most = int(math.sqrt(len(kinds))) if unit == "characters" else len(kinds)
    times = sorted((count for count in kinds.values() if count > 1), reverse=True)
    return {name: len(runs), f"recurring_{unit}": sum(times[:most])}


def counters(text: str, language: str) -> Counter[str]:
    """Every counter that a signal uses, of one text; 0 for what does not occur."""
    spelled = language in rules.SPELLED
    tokens = [text[a:b] for a, b in token_spans(text, spelled)]
    words = list(filter(is_plain, tokens))
    blocks, sizes = paragraphs(text, spelled)
    kind = Counter(general(character)[0] for character in text)
    runs = re.findall(r"((\S)\2*)", text, re.S)
    result = {
        "characters": len(text), "tokens": len(tokens), "words": len(words), "word_characters": sum(map(len, words)),
        "letter_words": sum(any(map(is_letter, word)) for word in words),
        "letters": kind["L"], "alphanumeric": kind["L"] + kind["N"], "digits": sum(map(str.isdecimal, text)),
        "spaces": sum(map(str.isspace, text)), "punctuation": kind["P"], "symbols": kind["S"],
        "uppercase": sum(general(c) in ("Lu", "Lt") for c in text), "han": sum(map(is_han, text)),
        "non_space": sum(not c.isspace() for c in text), "newlines": text.count("\n"), "hashes": text.count("#"),
        "ellipses": text.count("…") + text.count("..."), "curly_brackets": text.count("{"),
        "longest_run": max((len(run) for run, _ in runs), default=0), "longest_word": max(map(len, words), default=0),
        "stop_words_en": len(set(words) & set(rules.STOP_WORDS_EN)),
        "stop_words_zh": len(set(words) & set(rules.STOP_WORDS_ZH)),
        "paragraphs": len(blocks), "all_lines": len(text.split("\n")) if text else 0,
    }  # fmt: skip
    normal = normalised(text)
    result |= {
        "braces": text.count("{") + text.count("}"), "marks": result["hashes"] + result["ellipses"],
        "capital_words": sum(map(is_capital, tokens)), "normal_words": len(normal),
        "normal_characters": sum(map(len, normal)), "different_words": len(set(normal)),
        "information": sum(-times * math.log(times / len(normal)) for times in Counter(normal).values()),
    }  # fmt: skip
    result |= recurring([text[i : i + 10] for i in range(len(text) - 9)], "characters", "character_runs")
    result |= recurring([tuple(tokens[i : i + 10]) for i in range(len(tokens) - 9)], "tokens", "token_runs")
    result["repeated_paragraphs"], result["repeated_paragraph_characters"] = repeats(blocks, sizes)
    for n in (2, 3, 4):
        result[f"top_{n}gram"] = top_gram(tokens, n)
        first = len(" ".join(tokens[:n])) if len(tokens) >= n else 0
        result[f"any_top_{n}gram"] = top_gram(tokens, n) or first
    result |= {f"repeated_{n}gram": repeated_grams(tokens, n) for n in range(5, 11)}
    return Counter(result | line_counters(text, spelled))
