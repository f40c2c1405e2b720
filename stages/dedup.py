"""dedup: find documents that say the same, and keep one of each.

Reads   clean/text, clean/verdicts; crawl/captures (addresses, times) and clean/signals where parameters ask for them.
Writes  dedup/signatures (stages/text/minhash/signing.py), dedup/addresses and dedup/folded where asked for, and
        dedup/verdicts (stages/duplicates/clustering.py), one row per document that `clean` kept: its cluster, the
        document kept for it, the similarity to that one, and the level that dropped it. Of more than `spread_above`
        documents the same rows are found by many actions, each of one partition (stages/duplicates/spread/rounds.py),
        which write dedup/spread_*. Levels after clustering write dedup/cuts as well, the spans of kept documents that
        stand elsewhere (stages/duplicates/cutting.py), and what they found them by.
Sources MinHash LSH: Broder 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3;
        numbers: stages/duplicates/presets.py.
"""

from __future__ import annotations

from dataclasses import replace

from catalog.errors import exit_on_error
from catalog.incremental.operators import Memo, Operator
from catalog.incremental.stage import Stage
from catalog.schema import schema_of
from catalog.segments import Segment
from stages.duplicates.addresses import ADDRESSES, locate
from stages.duplicates.clustering import cluster, cluster_first
from stages.duplicates.cutting import CUTS, PARAGRAPHS, SEMANTIC, CutParams
from stages.duplicates.embedding import EMBEDDINGS, MODEL_FILES, PACKAGES, EmbedParams, embed
from stages.duplicates.folding import FOLDED, fold
from stages.duplicates.paragraphs import HASHED, ParagraphParams, SplitParams, paragraph_cuts, split
from stages.duplicates.params import NORMALISED, URL, DedupParams, KeepParams
from stages.duplicates.semantic import SemanticParams, semantic_cuts
from stages.duplicates.settling import settle_all
from stages.duplicates.spread.rounds import Spreading, Tables
from stages.duplicates.substrings import SubstringParams, substring_cuts
from stages.text.minhash.signing import SIGNATURES, sign

SIGN = Operator(
    name="sign", run=sign, writes={"signatures": SIGNATURES}, accounts=("signatures",),
    memo=Memo(by=("id", "source", "text_digest")),
)  # fmt: skip
LOCATE = Operator(
    name="locate", run=locate, reads=(("id", "uri", "published_at"), ("id", "canonical")),
    writes={"addresses": ADDRESSES}, accounts=("addresses",), libraries=("ada-url",),
)  # fmt: skip
FOLD = Operator(name="fold", run=fold, reads=(("id", "text"),), writes={"folded": FOLDED}, accounts=("folded",))
VERDICTS = schema_of("dedup/verdicts")
CLUSTER = Operator(name="cluster", run=cluster, writes={"verdicts": VERDICTS})
CLUSTER_FIRST = Operator(name="cluster", run=cluster_first, writes={"clusters": VERDICTS})
EMBED = Operator(
    name="embed", run=embed, reads=(("id", "text", "text_digest"),), writes={"embeddings": EMBEDDINGS},
    accounts=("embeddings",), memo=Memo(by=("id", "text_digest")),
)  # fmt: skip
SEMANTIC_CUTS = Operator(name="semantic", run=semantic_cuts, writes={"semantic_cuts": CUTS})
SPLIT = Operator(
    name="split", run=split, reads=(("id", "text"),), writes={"paragraphs": HASHED}, accounts=("paragraphs",)
)
PARAGRAPH_CUTS = Operator(name="paragraphs", run=paragraph_cuts, writes={"paragraph_cuts": CUTS})
SUBSTRING_CUTS = Operator(
    name="substrings", run=substring_cuts, writes={"substring_cuts": CUTS}, libraries=("pydivsufsort",)
)
SETTLE = Operator(name="settle", run=settle_all, writes={"verdicts": VERDICTS, "cuts": CUTS})


def dedup(stage: Stage, given: DedupParams, cutting: CutParams) -> None:
    """Sign every document, cluster those that `clean` kept, then look for what is left of repetition among them."""
    signing, clustering = given.signing(), given.clustering()
    texts = stage.read("clean/text")
    sign_texts = replace(SIGN, libraries=signing.shingling.libraries)
    signatures = stage.map(sign_texts, texts, params=signing)["signatures"]
    addresses: list[Segment] = []
    folded: list[Segment] = []
    signals: list[Segment] = []
    if URL in clustering.levels or "oldest" in clustering.keep:
        addresses = stage.map(LOCATE, stage.read("crawl/captures"), texts)["addresses"]
    if NORMALISED in clustering.levels:
        folded = stage.map(FOLD, texts)["folded"]
    if "quality" in clustering.keep:
        signals = stage.read("clean/signals")
    tables = Tables(
        signatures=signatures, verdicts=stage.read("clean/verdicts"), texts=texts, addresses=addresses, folded=folded,
        signals=signals,
    )  # fmt: skip
    if tables.documents > given.spread_above:
        clusters = Spreading(stage, tables, clustering, given.partition_documents).run(later=bool(cutting.later))
    else:
        operator = replace(CLUSTER_FIRST if cutting.later else CLUSTER, libraries=clustering.shingling.libraries)
        clusters = stage.reduce(operator, *tables.all, params=clustering)
    if cutting.later:
        known = [signatures, clusters["clusters"], addresses, signals]
        for level in cutting.later:
            known.append(find(stage, level, texts, known, cutting, clustering.order))
        stage.reduce(SETTLE, signatures, clusters["clusters"], texts, *known[4:], params=clustering.guards)


def find(
    stage: Stage, level: str, texts: list[Segment], known: list[list[Segment]], cutting: CutParams, keep: KeepParams
) -> list[Segment]:
    """The cuts of one level among the documents still kept; `known` is what stages/duplicates/standing.py reads."""
    effect, share = cutting.effect(level), cutting.max_cut_share
    if level == SEMANTIC:
        how = EmbedParams(engine=cutting.embedding, characters=cutting.embedding_characters)
        embedded = stage.map(_embedder(how.engine), texts, params=how)["embeddings"]
        params = SemanticParams(
            effect=effect, min_cosine=cutting.min_cosine, cluster=cutting.semantic_cluster, keep=keep
        )
        return stage.reduce(SEMANTIC_CUTS, embedded, *known, params=params)["semantic_cuts"]
    if level == PARAGRAPHS:
        kind = SplitParams(newlines=cutting.paragraph_newlines, tokens=cutting.paragraph_tokens)
        hashed = stage.map(SPLIT, texts, params=kind)["paragraphs"]
        about = ParagraphParams(effect=effect, max_share=share, keep=keep)
        return stage.reduce(PARAGRAPH_CUTS, hashed, *known, params=about)["paragraph_cuts"]
    sought = SubstringParams(
        effect=effect, max_share=share, tokens=cutting.substring_tokens, max_mib=cutting.substring_mib, keep=keep
    )
    return stage.reduce(SUBSTRING_CUTS, texts, *known, params=sought)["substring_cuts"]


def _embedder(engine: str) -> Operator:
    """The operator with what decides its vectors: a package, or the files of a folder and what reads them."""
    if engine in PACKAGES:
        return replace(EMBED, libraries=(engine, "tokenizers"))
    files = tuple(f"{engine}/{name}" for name in MODEL_FILES)
    return replace(EMBED, libraries=("torch", "transformers", "tokenizers"), assets=files)


def main() -> None:
    """See `dedup`."""
    with Stage("dedup", SIGN, LOCATE, FOLD, CLUSTER, params=[DedupParams, CutParams]) as stage:
        dedup(stage, stage.params[DedupParams], stage.params[CutParams])


if __name__ == "__main__":
    exit_on_error(main)
