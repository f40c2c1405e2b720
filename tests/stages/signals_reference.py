"""The counters of stages/text/counting.py, lines.py and repetition.py, written slowly and plainly on Python strings."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from stages.text import words as rules


def is_han(character: str) -> bool:
    code = ord(character)
    inside = any(first <= code <= last for first, last in rules.HAN_BLOCKS)
    return inside and unicodedata.category(character)[0] in "LN"


def is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character in "\u200c\u200d"


def is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" or unicodedata.category(character) == "Pc" or is_mark(character)


def is_single(character: str) -> bool:
    first, last = rules.HIRAGANA_BLOCK
    hiragana = first <= ord(character) <= last and is_word(character) and not is_mark(character)
    return is_han(character) or hiragana


def is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] == "L"


def joins(before: str, character: str, after: str) -> bool:
    if is_single(after):
        return False
    if is_letter(before) and is_letter(after):
        return character in "'’."
    return before.isdecimal() and after.isdecimal() and character in ".,"


def word_spans(text: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    while at < len(text):
        if not is_word(text[at]) or is_mark(text[at]):
            at += 1
            continue
        end = at + 1
        if is_single(text[at]):
            while end < len(text) and is_mark(text[end]):
                end += 1
        else:
            while end < len(text):
                inside = is_word(text[end]) and not is_single(text[end])
                if not inside and not (end + 1 < len(text) and joins(text[end - 1], text[end], text[end + 1])):
                    break
                end += 1
        spans.append((at, end))
        at = end
    return spans


def symbol_runs(text: str, spans: list[tuple[int, int]]) -> int:
    visible = ["w" if any(a <= i < b for a, b in spans) else "s" if unicodedata.category(c)[0] in "PS" else " "
               for i, c in enumerate(text)]  # fmt: skip
    return len(re.findall("s+", "".join(visible)))


def sentences(line: str) -> int:
    count, open_sentence, at = 0, False, 0
    stops, closers = rules.STOPS + rules.WIDE_STOPS, rules.CLOSERS
    while at < len(line):
        open_sentence = open_sentence or is_word(line[at])
        at += 1
        if line[at - 1] not in stops or not open_sentence:
            continue
        wide = line[at - 1] in rules.WIDE_STOPS
        while at < len(line) and line[at] in stops + closers:
            wide = wide or line[at] in rules.WIDE_STOPS
            at += 1
        if wide or at == len(line) or line[at].isspace():
            count, open_sentence = count + 1, False
    return count + open_sentence


def repeats(pieces: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    again = [piece for piece in pieces if piece in seen or seen.add(piece)]  # type: ignore[func-returns-value]
    return len(again), sum(map(len, again))


def top_gram(text: str, spans: list[tuple[int, int]], n: int) -> int:
    grams = [tuple(text[a:b] for a, b in spans[i : i + n]) for i in range(len(spans) - n + 1)]
    counts = Counter(grams)
    if not counts or max(counts.values()) == 1:
        return 0
    best = 0
    for gram in (gram for gram, times in counts.items() if times == max(counts.values())):
        covered = {c for i, other in enumerate(grams) if other == gram for c in range(spans[i][0], spans[i + n - 1][1])}
        best = max(best, len(covered))
    return best


def repeated_grams(text: str, spans: list[tuple[int, int]], n: int) -> int:
    seen, total, at = set(), 0, 0
    while at + n <= len(spans):
        gram = tuple(text[a:b] for a, b in spans[at : at + n])
        if gram in seen:
            total += spans[at + n - 1][1] - spans[at][0]
            at += n
        else:
            seen.add(gram)
            at += 1
    return total


def lower_ascii(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def line_counters(text: str) -> Counter[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    result: Counter[str] = Counter()
    for line in lines:
        spans = word_spans(line)
        boilerplate = any(phrase in lower_ascii(line) for phrase in rules.BOILERPLATE.split("|"))
        terminal, ellipsis = line[-1] in rules.TERMINALS, line.endswith(("...", "…"))
        bullet = line[0] in rules.BULLETS or (line[0] in "*+-" and line[1:2].isspace())
        good = (
            terminal and not ellipsis and not boilerplate and len(spans) >= 3 and all(b - a <= 1000 for a, b in spans)
        )
        result["short_lines"] += len(line) <= 30
        result["terminal_lines"] += terminal
        result["bullet_lines"] += bullet
        result["ellipsis_lines"] += ellipsis
        result["boilerplate_lines"] += boilerplate
        result["lorem_ipsum"] += rules.LOREM in lower_ascii(line)
        result["sentences"] += sentences(line)
        result["c4_sentences"] += sentences(line) if good else 0
    result["lines"], result["line_characters"] = len(lines), sum(map(len, lines))
    result["repeated_lines"], result["repeated_line_characters"] = repeats(lines)
    return result


def paragraphs(text: str) -> list[str]:
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        parts[-1].append(line) if line.strip() else parts.append([])
    return ["\n".join(part).strip() for part in parts if part]


def counters(text: str) -> Counter[str]:
    """Every counter that a signal uses, of one text; 0 for what does not occur."""
    spans = word_spans(text)
    found = [text[a:b] for a, b in spans]
    lowered = {lower_ascii(word) for word in found}
    blocks = paragraphs(text)
    kind = Counter(unicodedata.category(character)[0] for character in text)
    runs = re.findall(r"((\S)\2*)", text, re.S)
    result = {
        "characters": len(text), "words": len(spans), "word_characters": sum(map(len, found)),
        "letter_words": sum(any(map(is_letter, word)) for word in found),
        "tokens": len(spans) + symbol_runs(text, spans),
        "letters": kind["L"], "digits": sum(map(str.isdecimal, text)), "spaces": sum(map(str.isspace, text)),
        "punctuation": kind["P"], "symbols": kind["S"],
        "uppercase": sum(unicodedata.category(c) in ("Lu", "Lt") for c in text), "han": sum(map(is_han, text)),
        "non_space": sum(not c.isspace() for c in text), "newlines": text.count("\n"), "hashes": text.count("#"),
        "ellipses": len(re.findall(r"…|\.{3,}", text)), "curly_brackets": text.count("{"),
        "longest_run": max((len(run) for run, _ in runs), default=0), "longest_word": max(map(len, found), default=0),
        "stop_words_en": len(lowered & set(rules.STOP_WORDS_EN.split("|"))),
        "stop_words_zh": len(set(found) & set(rules.STOP_WORDS_ZH.split("|"))),
        "paragraphs": len(blocks), "paragraph_characters": sum(map(len, blocks)),
    }  # fmt: skip
    result["repeated_paragraphs"], result["repeated_paragraph_characters"] = repeats(blocks)
    result |= {f"top_{n}gram": top_gram(text, spans, n) for n in (2, 3, 4)}
    result |= {f"repeated_{n}gram": repeated_grams(text, spans, n) for n in range(5, 11)}
    return Counter(result | line_counters(text))
