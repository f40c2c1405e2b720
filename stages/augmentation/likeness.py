"""How a text made by a machine stands to the one it was made from: chrF, and whether it goes round in circles.

Source  chrF: M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015, with the numbers of
        sacrebleu (n-grams of 1 to 6 characters, white space left out, recall weighed twice). Circles: decoders that
        repeat one phrase up to the length limit (github.com/google-research/uda, number 33).
"""

from __future__ import annotations

from collections import Counter

ORDER = 6  # characters of the longest n-gram
BETA = 2  # weight of recall over precision
LONGEST_LOOP = 12  # characters of a repeated phrase


def chrf(hypothesis: str, reference: str) -> float:
    """chrF of two texts, 0 to 100: 100 for equal ones, 0 where they share no character."""
    made, given = ("".join(text.split()) for text in (hypothesis, reference))
    precision = recall = 0.0
    orders = 0
    for size in range(1, ORDER + 1):
        ours, theirs = _ngrams(made, size), _ngrams(given, size)
        if not ours or not theirs:
            continue
        matched = (ours & theirs).total()
        precision += matched / ours.total()
        recall += matched / theirs.total()
        orders += 1
    if not precision:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _ngrams(text: str, size: int) -> Counter[str]:
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))


def longest_loop(text: str) -> int:
    """Characters of the longest stretch in which one phrase of at most LONGEST_LOOP characters follows itself.

    Letters and digits alone count, whatever their case; 0 where nothing is repeated.
    """
    letters = "".join(char for char in text.casefold() if char.isalnum())
    longest = 0
    for size in range(1, LONGEST_LOOP + 1):
        run = 0
        for place in range(size, len(letters)):
            run = run + 1 if letters[place] == letters[place - size] else 0
            if run >= size:
                longest = max(longest, run + size)
    return longest
