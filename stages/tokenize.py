"""tokenize: train a tokenizer on the kept documents, or take the one that is named, and encode every one of them.

Reads   clean/text without what dedup/cuts removes, dedup/verdicts; `label.split` of params.yaml (test documents stay
        unseen by the tokenizer).
Writes  tokenize/vocabulary  the tokenizer, one row
        tokenize/tokens      id, split, token ids of each document that is kept
        tokenize/verdicts    every document that dedup kept: kept, or too_few_tokens
        tokenize/tokenizer/  tokenizer.json and its configuration, as `AutoTokenizer` reads them
Sources byte-pair encoding: Sennrich, Haddow and Birch 2016.

The tokenizer sees the whole corpus, so a change may retrain it; documents are encoded again
only if it came out different.
Packing into rows happens when training reads the tokens (stages/model/training/packing.py), as a pure function of them.
"""

from catalog.errors import exit_on_error
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from catalog.params import read_block
from catalog.segments import for_each
from stages.labels.given_splits import decided_by_sources
from stages.labels.splits import split_params
from stages.model.tables import TOKENS, VERDICTS, VOCABULARY
from stages.model.tokens.tokenizing import EncodeParams, Encoding, Training, TrainParams, encode, export, train

TRAIN = Operator(name="train", run=train, params=Training, writes={"vocabulary": VOCABULARY}, libraries=("tokenizers",))
ENCODE = Operator(
    name="encode",
    run=encode,
    params=Encoding,
    writes={"tokens": TOKENS, "verdicts": VERDICTS},
    reads=(("id", "cluster", "drop_reason"), ("id", "text")),
    libraries=("tokenizers",),
)
EXPORT = Operator(name="export", run=export)


def tokenize(stage: Stage, training: TrainParams, encoding: EncodeParams) -> None:
    """Perform the actions of the stage."""
    split = split_params(read_block("label").get("split", {}))
    texts, verdicts = stage.read("clean/text"), stage.read("dedup/verdicts")
    cuts = stage.read("dedup/cuts")
    given = decided_by_sources(stage, texts, verdicts, split)
    learned = Training(how=training, split=split)
    vocabulary = stage.reduce(TRAIN, texts, verdicts, cuts, [given], params=learned)["vocabulary"]
    alike = for_each(vocabulary[0], verdicts), for_each(given, verdicts)
    stage.map(ENCODE, verdicts, texts, *alike, *([cuts] if cuts else []), params=Encoding(how=encoding, split=split))
    stage.build(EXPORT, vocabulary, name="tokenizer")


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("tokenize", params=[TrainParams, EncodeParams]) as stage:
        tokenize(stage, stage.params[TrainParams], stage.params[EncodeParams])


if __name__ == "__main__":
    exit_on_error(main)
