"""The network that `pretrain.start` names, made by an earlier run or by others, as one to go on with.

Reads   config.json, model.safetensors and tokenizer.json of a folder that `save_pretrained` wrote. Pickled weights and
        code that a folder brings along are not read.
Every weight of the body must be there and fit; a head that is missing is drawn from the seed, and one that the
objective does not ask is left out. Rows of the vocabulary follow foreign_tokenizer.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from catalog.digests import check_pin
from catalog.errors import InputError
from stages.model.networks.architectures import Shape, shape_of, with_parts_of
from stages.model.networks.roberta import ROBERTAS, as_bert, bert_config
from stages.model.pretraining.params import PretrainParams
from stages.model.tokens.foreign import FILE, renumbered

WEIGHTS, CONFIG = "model.safetensors", "config.json"
_MODEL_TYPES = {"bert": ("bert", *ROBERTAS), "modernbert": ("modernbert",), "gpt": ("gpt2",)}


def check_start(start: dict[str, str], tokenizer: Path) -> None:
    """Errors: InputError where the files to go on from are missing, others, or of another tokenizer than ours."""
    folder = Path(start["folder"])
    remedy = "save the model there with save_pretrained"
    if any(folder.glob("pytorch_model*.bin")) and not (folder / WEIGHTS).exists():
        remedy = (
            "pytorch_model.bin is a pickle, which could run code and is never read; where you trust it, load it with "
            "transformers and write it with save_pretrained"
        )
    check_pin(folder / WEIGHTS, start["sha256"], "pretrain.start", remedy)
    check_pin(folder / CONFIG, start["config"], "pretrain.start", remedy)
    theirs, ours = renumbered(folder / FILE).text, tokenizer.read_text(encoding="utf-8")
    if json.loads(theirs) != json.loads(ours):
        raise InputError(
            f"pretrain.start: {folder} was trained with another tokenizer than data/tokenize; a token is another word "
            f"to it. Set tokenize.tokenizer to {{folder: {folder}, sha256: of its {FILE}}}, or pretrain.start to null"
        )


def network_to_go_on_from(folder: Path, params: PretrainParams, shape: Shape, kind: Any) -> PreTrainedModel:
    """The network in `folder` as transformers' class `kind`, its vocabulary in our order.

    Errors: InputError where it is of another architecture or size than `params` say, or its weights do not fit.
    """
    said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    _check_config(said, folder, params)
    theirs = ROBERTAS.get(said["model_type"], kind)
    given = theirs.config_class.from_pretrained(folder)
    config = bert_config(given) if theirs is not kind else given
    _check_size(config, folder, params)
    order = renumbered(folder / FILE).order
    if max(order) >= config.vocab_size:
        raise InputError(f"pretrain.start: {folder} has {config.vocab_size} tokens, its tokenizer {max(order) + 1}")
    config = with_parts_of(config, shape)
    found = _loaded(theirs, folder, given)
    return _reordered(found if theirs is kind else as_bert(found, kind(config)), torch.tensor(order))


def _check_config(said: dict[str, Any], folder: Path, params: PretrainParams) -> None:
    """Errors: InputError for a network of another type, or whose parts are not those of its type."""
    found = said.get("model_type")
    if found not in _MODEL_TYPES[params.architecture]:
        names = {model: name for name, models in _MODEL_TYPES.items() for model in models}
        way = f"set architecture: {names[found]}" if found in names else f"it must be one of {', '.join(names)}"
        raise InputError(
            f"pretrain.start: {folder} is a {found}, pretrain.architecture is {params.architecture}; {way}"
        )
    if found in ROBERTAS and said.get("hidden_act", "gelu") != "gelu":
        raise InputError(
            f"pretrain.start: {folder} is a {found} with hidden_act {said['hidden_act']}; one with gelu can be read"
        )


def _check_size(config: PretrainedConfig, folder: Path, params: PretrainParams) -> None:
    sizes = shape_of(config)
    if sizes != dict(params.sizes):
        said = ", ".join(f"{name}: {value}" for name, value in sizes.items())
        raise InputError(f"pretrain.start: {folder} is another network than pretrain.network; set network: {{{said}}}")
    if params.width > config.max_position_embeddings:
        raise InputError(
            f"pretrain.width is {params.width}, but {folder} has {config.max_position_embeddings} positions; lower it"
        )


def _loaded(kind: Any, folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    """The model in fp32. Errors: InputError naming weights of the body that are missing, left over or of other size."""
    model, told = kind.from_pretrained(
        folder, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False,
        local_files_only=True, ignore_mismatched_sizes=True, output_loading_info=True,
    )  # fmt: skip
    body = f"{model.base_model_prefix}."
    wrong = [f"{name} is {tuple(theirs)}, must be {tuple(ours)}" for name, theirs, ours in told["mismatched_keys"]]
    for what in ("missing", "unexpected"):
        of_body = [name for name in told[f"{what}_keys"] if name.startswith(body)]
        wrong += [f"{name} is {what}" for name in of_body if not name.startswith(f"{body}pooler.")]
    if wrong:
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise InputError(
            f"pretrain.start: the weights in {folder} do not fit its config.json: {'; '.join(sorted(wrong)[:5])}{more}"
        )
    found: PreTrainedModel = model
    return found


def _reordered(model: PreTrainedModel, order: torch.Tensor) -> PreTrainedModel:
    """The same network, the rows of its vocabulary at `order` [tokens]."""
    rows = {id(model.get_input_embeddings().weight)}
    if (head := model.get_output_embeddings()) is not None:
        rows |= {id(value) for value in head.parameters()}
    rows |= {id(value) for name, value in model.named_parameters() if name.endswith("predictions.bias")}
    named = model.named_parameters(remove_duplicate=False)
    of_words = {name for name, value in named if id(value) in rows}
    weights = {name: value[order] if name in of_words else value for name, value in model.state_dict().items()}
    model.config.vocab_size = len(order)
    made: PreTrainedModel = type(model)(model.config)
    made.load_state_dict(weights)
    return made
