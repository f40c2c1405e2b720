"""The tokenizer: byte-pair encoding over clauses and words, with a byte for every character it has never seen.

Text is NFC-normalised (and lower-cased if asked), cut at white space and punctuation, and merged into pieces. Chinese
is not cut into single characters first, so frequent words become one token: sequences are about a quarter shorter than
with BERT's tokenizer. Bytes as a last resort mean that no text is unknown and that decoding gives the text back.
Training is deterministic: the same texts in the same order give the same bytes of `tokenizer.json`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

PAD, CLS, SEP, MASK = "[PAD]", "[CLS]", "[SEP]", "[MASK]"
SPACE = "\u2581"  # how a space is written inside a token
SPECIAL_TOKENS = (PAD, CLS, SEP, MASK)  # ids 0, 1, 2, 3
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))  # ids 4..259
PAD_ID, CLS_ID, SEP_ID, MASK_ID = range(4)
FIRST_WORD = len(SPECIAL_TOKENS)  # ids below are never masked


def untrained(lowercase: bool) -> Tokenizer:
    """A tokenizer with its normaliser, cutter and decoder, and no vocabulary."""
    tokenizer = Tokenizer(BPE(byte_fallback=True))
    steps = [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")])
    return tokenizer


def trained_tokenizer(
    texts: Sequence[str], *, vocabulary: int, lowercase: bool, alphabet: int, min_frequency: int
) -> Tokenizer:
    """A tokenizer of at most `vocabulary` tokens trained on `texts`, in their order; `alphabet`: characters kept."""
    tokenizer = untrained(lowercase)
    characters = frequent_characters((tokenizer.normalizer.normalize_str(text) for text in texts), alphabet)
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=min_frequency,
        # the trainer breaks ties at the end of its alphabet at random, so it is handed one that is already cut
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        special_tokens=[*SPECIAL_TOKENS, *BYTES],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return _finished(tokenizer)


def frequent_characters(texts: Iterable[str], size: int) -> list[str]:
    """The `size` most frequent characters as the cutter shows them, ties by code point, in code point order."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text.replace(" ", SPACE))
    return sorted(sorted(counts, key=lambda character: (-counts[character], character))[:size])


def _finished(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with bytes as plain tokens (special ones vanish when decoding) and the [CLS] A [SEP] B [SEP] frame.

    The frame serves users of the saved file; the stages lay out documents themselves (`batches`).
    """
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in SPECIAL_TOKENS]
    finished = Tokenizer.from_str(json.dumps(state))
    finished.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=[(CLS, CLS_ID), (SEP, SEP_ID)],
    )
    return finished


def sampled(texts: Sequence[tuple[str, str, str]], characters: int, seed: int) -> list[str]:
    """A hash-chosen sample of (id, language, text): up to `characters` characters of each language, in hash order.

    A quota for each language keeps the smaller one from being spelled out in bytes. The sample of a language changes
    only where documents come or go before the quota is full.
    """
    used: dict[str, int] = {}
    chosen: list[str] = []
    order = sorted(texts, key=lambda row: hashlib.blake2b(f"{seed}\0{row[0]}".encode(), digest_size=16).digest())
    for _, language, text in order:
        if used.get(language, 0) < characters:
            used[language] = used.get(language, 0) + len(text)
            chosen.append(text)
    return chosen


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, without [CLS] and [SEP]; a text that spells "[MASK]" gets the ids of its letters."""
    tokenizer.encode_special_tokens = True
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
