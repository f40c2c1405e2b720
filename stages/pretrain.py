"""pretrain: train the network on the unlabelled text of the training split.

Reads   tokenize/tokens, tokenize/vocabulary, label/labels (which documents belong to the task in focus; no labels).
Writes  pretrain/model/  config.json, model.safetensors, the tokenizer, history.json
Sources objectives, architectures, packing and attention: stages/model/.

Run it on a machine with torch, transformers and pyarrow; a GPU is used if there is one. A killed run resumes. With
`processes` above 1 it starts them by torchrun; GRISTMILL_TORCHRUN="--nnodes=2 ..." stands in place of the options that
start them all on this machine.
"""

from dataclasses import replace

from catalog.errors import exit_on_error
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from stages.model.pretraining.params import PretrainParams
from stages.model.training.device import device_class, precision_class

PRETRAIN = Operator(
    name="pretrain",
    run="stages.model.pretraining.run:pretrain",
    params=PretrainParams,
    libraries=("numpy", "tokenizers", "torch", "transformers"),
)


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("pretrain", PRETRAIN) as stage:
        given = stage.params[PretrainParams]
        device = device_class(given.device)
        params = replace(given, device=device, precision=precision_class(given.precision, device))
        tokens, vocabulary = stage.read("tokenize/tokens"), stage.read("tokenize/vocabulary")
        stage.build(PRETRAIN, tokens, vocabulary, stage.read("label/labels"), name="model", params=params)


if __name__ == "__main__":
    exit_on_error(main)
