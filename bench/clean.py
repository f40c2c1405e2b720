"""clean: extraction, signals and verdicts on real pages, beside the peers' filters on the same texts in one run.

Pages are those of Debian's documentation packages in 20 languages. Every figure is CPU seconds of one process and its
children; `make bench-peers` first. Only English pages go to datatrove, whose filters would drop the others.

    extract_pages_s       pages -> documents (charset, resiliparse, repair, redaction, language), pages per CPU second
    extract_auto_pages_s  the same where `auto` may take trafilatura
    signals_mb_s          all signals of all texts in one pass, MB of UTF-8 per CPU second
    signals_vs_datatrove  datatrove's four filters on every English text, over all of our signals on the same
    chain_vs_datatrove    the same extraction and datatrove's chain, each document until the first filter that drops it,
                          over extraction, all signals and verdicts
    signals_vs_data_juicer  five statistics of data-juicer's on every text, over all of our signals on the same
    verdict_differences   share of English texts that one side keeps and the other drops
    reason_differences    or drops for another reason
    segment_peak_mb       the most memory of a process that extracts and measures one segment after the other, each of
                          500 pages: [after one, after four]. It follows the segment, not the corpus
    extract_f1_bulk, extract_f1_trafilatura, extract_f1_auto
                          F1 of the main content of 130 saved pages (bench/support/main_content.py says how), by each
                          value of `clean.extractor`; `extraction` has precision, recall, and F1 on Chinese and Japanese
                          pages. null without ../shared/data
    extract_f1_bulk_structure, extract_f1_trafilatura_structure
                          the same with `clean.structure`, the signs of Markdown taken off
    extract_f1_cjk        that of `auto` on those pages

`differences` has each pair of reasons with its count, and how many of these texts have another number of tokens here:
spaCy's lists of exceptions (`):`, `and/or`) are not taken over. `tokens_alike` is the share of texts with as many.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bench.support.alone import alone, peak
from bench.support.debian import Page, pages
from bench.support.main_content import ARCHIVE, saved_pages, scores
from bench.support.peers import run_peer
from bench.support.texts import write_jsonl
from catalog.processes import killable
from stages.text.normalization.structure import markdown, unmarked
from stages.text.rules.judging import JudgeParams, judge
from stages.text.signals.measuring import measure
from stages.web.extract import ExtractParams, extract
from stages.web.page import page_text

QUICK = 1500  # pages
SEGMENT = 500  # pages
REASONS = {
    "dup_para_frac": "duplicate_paragraphs", "dup_para_char_frac": "duplicate_paragraph_characters",
    "dup_line_frac": "duplicate_lines", "dup_line_char_frac": "duplicate_line_characters",
    **{f"top_{n}_gram": f"top_{n}gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"duplicate_{n}gram" for n in range(5, 11)},
    "gopher_short_doc": "few_words", "gopher_long_doc": "many_words", "gopher_below_avg_threshold": "short_words",
    "gopher_above_avg_threshold": "long_words", "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses", "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines", "gopher_below_alpha_threshold": "words_without_letters",
    "gopher_enough_stop_words": "few_stop_words", "lorem_ipsum": "lorem_ipsum", "curly_bracket": "curly_bracket",
    "too_few_sentences": "few_sentences",
    "line_punct_ratio": "unfinished_lines", "short_line_ratio": "short_lines",
    "char_dup_ratio": "repeated_line_characters", "list_ratio": "list", "empty": "empty",
}  # fmt: skip
"""What datatrove calls a reason -> what the preset `fineweb-en` calls it."""


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    found = pages(QUICK if quick else None)
    captures = _captures(found)
    for warm in (extract(captures.slice(0, 20), params=ExtractParams())["text"],):
        measure(warm)
    bulk, extract_cpu = _timed(lambda: extract(captures, params=ExtractParams(extractor="resiliparse"))["text"])
    _, auto_cpu = _timed(lambda: extract(captures, params=ExtractParams()))
    _, signals_cpu = _timed(lambda: measure(bulk))
    quality = _quality()
    english = bulk.filter(pc.and_(pc.equal(bulk["language"], "en"), pc.greater(pc.utf8_length(bulk["text"]), 0)))
    beside = _beside_datatrove(english, extract_cpu / len(found)) | _beside_data_juicer(bulk)
    peers = {name: beside.pop(name) for name in ("datatrove", "data_juicer")}
    return {
        "pages": len(found),
        "extract_pages_s": round(len(found) / extract_cpu, 1),
        "extract_auto_pages_s": round(len(found) / auto_cpu, 1),
        "signals_mb_s": round(pc.sum(pc.binary_length(bulk["text"])).as_py() / 1e6 / signals_cpu, 1),
        "segment_peak_mb": [round(alone(_segments, count)) for count in (1, 4)],
        **{f"extract_f1_{name}": found and found["f1"] for name, found in quality.items()},
        "extract_f1_cjk": quality["auto"] and quality["auto"]["f1_cjk"],
        "extraction": quality,
        **beside,
        "peers": peers,
    }


def _segments(count: int) -> float:
    """MiB at most of a process that reads so many segments."""
    captures = _captures(pages(SEGMENT))
    for _ in range(count):
        measure(extract(captures, params=ExtractParams())["text"])
    return peak() / 2**20


def _quality() -> dict[str, dict[str, Any] | None]:
    """Scores of each extractor; None where the saved pages are not there, which is said."""
    found = saved_pages()
    if not found:
        print(f"no F1 of extraction: {ARCHIVE} is not there", file=sys.stderr)
    tiers: dict[str, ExtractParams] = {
        "bulk": ExtractParams(extractor="resiliparse"),
        "trafilatura": ExtractParams(extractor="trafilatura"),
        "auto": ExtractParams(),
        "bulk_structure": ExtractParams(extractor="resiliparse", structure=True),
        "trafilatura_structure": ExtractParams(extractor="trafilatura", structure=True),
    }
    return {name: scores(found, _reader(tier)) if found else None for name, tier in tiers.items()}


def _reader(params: ExtractParams) -> Callable[[str], str]:
    if params.structure:
        return lambda page: unmarked(markdown(page_text(page, params)[0]))
    return lambda page: page_text(page, params)[0]


def _beside_datatrove(texts: pa.Table, extraction: float) -> dict[str, Any]:
    """Ratios and differences on English texts; `extraction` is CPU seconds per page, the same for both sides."""
    with tempfile.TemporaryDirectory() as folder:
        source, verdicts = Path(folder, "texts.jsonl"), Path(folder, "verdicts.jsonl")
        write_jsonl(list(zip(texts["id"].to_pylist(), texts["text"].to_pylist(), strict=True)), source)
        peer = run_peer("datatrove", "datatrove_filters", str(source), str(verdicts))
        theirs = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    signals, measured = _timed(lambda: measure(texts)["signals"])
    alike = texts.set_column(texts.schema.get_field_index("language_score"), "language_score", _certain(len(texts)))
    judged, decided = _timed(lambda: judge(alike, signals, params=JudgeParams(preset="fineweb-en"))["verdicts"])
    reasons = (_named(row["reason"]) for row in theirs)
    pairs = list(zip(reasons, judged["drop_reason"].to_pylist(), strict=True))
    alike_tokens = [row["tokens"] == ours for row, ours in zip(theirs, signals["tokens"].to_pylist(), strict=True)]
    differences = Counter(pair for pair in pairs if pair[0] != pair[1])
    split = Counter(pair for pair, same in zip(pairs, alike_tokens, strict=True) if pair[0] != pair[1] and not same)
    unlike = sum(count for (a, b), count in differences.items() if (a is None) != (b is None))
    both = extraction * len(texts)
    return {
        "english": len(texts),
        "signals_vs_datatrove": round(peer["cpu_s"] / measured, 1),
        "chain_vs_datatrove": round((both + peer["chain_cpu_s"]) / (both + measured + decided), 1),
        "verdict_differences": round(unlike / len(pairs), 4),
        "reason_differences": round(differences.total() / len(pairs), 4),
        "tokens_alike": round(sum(alike_tokens) / len(pairs), 4),
        "differences": [[a or "kept", b or "kept", n, split[a, b]] for (a, b), n in differences.most_common()],
        "datatrove": peer,
    }  # fmt: skip


def _beside_data_juicer(texts: pa.Table) -> dict[str, Any]:
    """The ratio, and on how many texts both count the same characters."""
    with tempfile.TemporaryDirectory() as folder:
        source, counted = Path(folder, "texts.jsonl"), Path(folder, "counted.jsonl")
        write_jsonl(list(zip(texts["id"].to_pylist(), texts["text"].to_pylist(), strict=True)), source)
        peer = run_peer("data_juicer", "data_juicer_filters", str(source), str(counted))
        theirs = [json.loads(line)["text_len"] for line in counted.read_text(encoding="utf-8").splitlines()]
    signals, measured = _timed(lambda: measure(texts)["signals"])
    if theirs != signals["characters"].to_pylist():
        raise SystemExit("data-juicer and the signals count other characters on the same texts")
    return {"signals_vs_data_juicer": round(peer["cpu_s"] / measured, 1), "data_juicer": peer}


def _certain(count: int) -> pa.Array:
    """Scores of certainty: datatrove is handed every text as English, so the language decides on neither side."""
    return pa.array([1000] * count, pa.int16())


def _named(reason: str | None) -> str | None:
    """datatrove's reason in our words."""
    return None if reason is None else REASONS.get(reason, reason)


def _captures(found: list[Page]) -> pa.Table:
    names = [path for path, _ in found]
    count = len(found)
    columns = {
        "id": names, "uri": names, "source": ["debian"] * count, "mime": ["text/html"] * count,
        **dict.fromkeys(
            ("charset", "content_language", "title", "author", "published_at"), pa.nulls(count, pa.string())
        ),
        "body": pa.array([body for _, body in found], pa.binary()),
    }  # fmt: skip
    return pa.table(columns)


def _timed(work: Any) -> tuple[Any, float]:
    """(result, CPU seconds), with those of the child that readers run in, which is ended before the clock stops."""
    killable.end()
    start = sum(os.times()[:4])
    result = work()
    killable.end()
    return result, sum(os.times()[:4]) - start
