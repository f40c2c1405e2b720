"""Networks and tokenizers that others made: the numbers are those of transformers, a refusal says what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
)

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.segments import read_segments
from stages import finetune, pretrain, tokenize
from stages.model.networks.foreign import check_start
from stages.model.networks.roberta import ROBERTAS
from stages.model.pretraining.params import PretrainParams
from stages.model.pretraining.rank import network
from stages.model.tokens.foreign import renumbered
from stages.model.tokens.tokenizer import token_ids
from tests.stages.model.model_tables import tiny_blocks, toy_texts, write_blocks, write_toy_corpus

TEXTS = [text for text, _ in toy_texts(80)] + ["naïve 😀 [MASK] <s> film\n\tfood"]
SIZES = {"layers": 2, "hidden": 32, "heads": 2, "feed_forward": 48}
SIGNS = ["[UNK]", "[unused0]", "[SEP]", "[PAD]", "[MASK]", "[CLS]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def word_pieces(signs: list[str]) -> Tokenizer:
    """As BERT's, with its signs in another order than ours."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=signs, show_progress=False)
    )
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", signs.index("[SEP]")), ("[CLS]", signs.index("[CLS]"))
    )
    return tokenizer


def byte_pieces(signs: list[str]) -> Tokenizer:
    """As GPT-2's and RoBERTa's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=signs, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer=trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


def pieces(signs: list[str]) -> Tokenizer:
    """As XLM-RoBERTa's."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=signs, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer=trainer)
    return tokenizer


def tokenizer_like(architecture: str) -> Tokenizer:
    """Of the kind that models of this architecture have."""
    if architecture in ("gpt", "roberta"):
        return byte_pieces(["<|endoftext|>"] if architecture == "gpt" else ROBERTA)
    return pieces(ROBERTA) if architecture == "xlm-roberta" else word_pieces(SIGNS)


def foreign(folder: Path, architecture: str) -> Any:
    """A small model of random weights with its tokenizer, saved by transformers; the model."""
    tokenizer = tokenizer_like(architecture)
    tokenizer.enable_truncation(8)  # as `save_pretrained` may leave it behind
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(7)
    size = tokenizer.get_vocab_size() + 5  # rows without a token, as vocabularies are rounded up
    same = {"vocab_size": size, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    wide = {"intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": SIGNS.index("[PAD]")}
    if architecture == "gpt":
        config = GPT2Config(vocab_size=size, n_embd=32, n_layer=2, n_head=2, n_inner=48, n_positions=64)
        model: Any = GPT2LMHeadModel(config)
    elif architecture in ROBERTAS:
        wide |= {"max_position_embeddings": 66, "pad_token_id": ROBERTA.index("<pad>"), "type_vocab_size": 1}
        kind = ROBERTAS[architecture]
        model = kind(kind.config_class(**same, **wide, layer_norm_eps=1e-5))
    elif architecture == "bert":
        model = BertForMaskedLM(BertConfig(**same, **wide, layer_norm_eps=1e-5, hidden_act="gelu_new"))
    else:
        ends = {"cls_token_id": 5, "bos_token_id": 5, "sep_token_id": 2, "eos_token_id": 2}
        model = ModernBertForMaskedLM(ModernBertConfig(**same, **wide, **ends, local_attention=16, decoder_bias=True))
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.3)
    model.save_pretrained(folder)
    return model.eval()


def pins(folder: Path) -> dict[str, dict[str, str]]:
    """What params.yaml says of it."""
    sha256 = {name: file_sha256(folder / name) for name in ("model.safetensors", "config.json", "tokenizer.json")}
    start = {"folder": str(folder), "sha256": sha256["model.safetensors"], "config": sha256["config.json"]}
    return {"start": start, "tokenizer": {"folder": str(folder), "sha256": sha256["tokenizer.json"]}}


def begun(folder: Path, architecture: str, **changes: Any) -> Any:
    """The network of a run that goes on from it."""
    objective = "clm" if architecture == "gpt" else "mlm"
    given = {"architecture": architecture, "objective": objective, "network": SIZES, "start": pins(folder)["start"]}
    given["architecture"] = "bert" if architecture in ROBERTAS else architecture
    params: Any = tiny_blocks()["pretrain"] | given | changes
    return network(PretrainParams(**params), 0).saved().eval()


@pytest.mark.parametrize("architecture", ["bert", "modernbert", "gpt", "roberta", "xlm-roberta"])
def test_the_numbers_are_those_of_transformers(architecture: str, tmp_path: Path) -> None:
    """The same text, each side with its own tokens: the same score of every token at every place."""
    theirs = foreign(tmp_path, architecture)
    ours = begun(tmp_path, architecture)
    told = renumbered(tmp_path / "tokenizer.json")
    old = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    old.no_truncation()
    texts = [TEXTS[0], TEXTS[-1].replace("<s>", "")]
    for found, before in zip(token_ids(Tokenizer.from_str(told.text), texts), token_ids(old, texts), strict=True):
        new = torch.tensor([[1, *found[:62], 2]])
        order = torch.tensor(told.order)
        assert order[found].tolist() == before
        with torch.inference_mode():
            expected, got = theirs(input_ids=order[new]).logits[..., order], ours(input_ids=new).logits
        assert torch.allclose(got, expected, atol=1e-5, rtol=0)
        assert got.std() > 0.1


@pytest.mark.parametrize("tokenizer", [tokenizer_like(name) for name in ("bert", "roberta", "gpt", "xlm-roberta")])
def test_a_text_is_cut_as_before(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Renumbered tokens point at the old ones, the signs are ours, and doing it again changes nothing."""
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    told = renumbered(tmp_path / "tokenizer.json")
    new = Tokenizer.from_str(told.text)
    assert [new.token_to_id(sign) for sign in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")] == [0, 1, 2, 3]
    assert new.get_vocab_size() == len(told.order)
    texts = [text.replace("<s>", "") for text in TEXTS]  # which Unigram took for its sign
    for before, after in zip(token_ids(tokenizer, texts), token_ids(new, texts), strict=True):
        assert [told.order[token] for token in after] == before
    assert min(map(min, token_ids(new, ["<s> film</s>", "a [MASK], [CLS][SEP]", "［PAD］"]))) > 3
    (tmp_path / "tokenizer.json").write_text(told.text, encoding="utf-8")
    again = renumbered(tmp_path / "tokenizer.json")
    assert again.text == told.text and again.order == list(range(len(told.order)))


@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlm-roberta"])
def test_fine_tuning_starts_from_it_without_pretraining(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tokenize, pretrain of no tokens and finetune: the body that fine-tuning begins with is the foreign one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    theirs = foreign(tmp_path / "theirs", architecture)
    pinned = pins(Path("theirs"))
    write_toy_corpus(60)
    none = {"start": pinned["start"], "network": SIZES, "tokens": 0}
    blocks = tiny_blocks(tokenize={"tokenizer": pinned["tokenizer"]}, pretrain=none, finetune={"seeds": [1]})
    blocks["finetune"] |= {"systems": ["pretrained"], "epochs": 1}
    write_blocks(tmp_path, blocks)
    for stage in (tokenize, pretrain, finetune):
        stage.main()
    text = read_segments("tokenize", "vocabulary")[0].read()["tokenizer"][0].as_py()
    assert text == renumbered(tmp_path / "theirs/tokenizer.json").text
    kept = AutoModel.from_pretrained("data/pretrain/model").state_dict()
    name = "encoder.layer.1.attention.self.query.weight"
    assert torch.equal(kept[name], theirs.base_model.state_dict()[name])
    run = json.loads(Path("data/finetune/pretrained-seed-1/run.json").read_text(encoding="utf-8"))
    assert run["pretraining_steps"] == 0
    blocks["pretrain"] |= {"tokens": 1000}
    write_blocks(tmp_path, blocks)
    pretrain.main()
    assert not torch.equal(AutoModel.from_pretrained("data/pretrain/model").state_dict()[name], kept[name])
    write_blocks(tmp_path, blocks | {"tokenize": tiny_blocks()["tokenize"]})
    tokenize.main()
    with pytest.raises(GristmillError, match=r"another tokenizer.*Set tokenize\.tokenizer to \{folder: theirs"):
        pretrain.main()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    """Sizes, architecture, positions, weights: each refusal says what to set."""
    theirs = foreign(tmp_path, "bert")
    wrong: list[tuple[str, str, dict[str, object]]] = [
        (r"set network: \{layers: 2, hidden: 32, heads: 2, feed_forward: 48\}", "bert", {"network": "tiny"}),
        ("set architecture: bert", "gpt", {}),
        ("width is 65.*64 positions", "bert", {"width": 65}),
    ]
    for message, architecture, change in wrong:
        with pytest.raises(InputError, match=message):
            begun(tmp_path, architecture, **change)
    for change, message in (
        ({"model_type": "deberta-v2"}, "must be one of bert, roberta, xlm-roberta, camembert, modernbert, gpt2"),
        ({"model_type": "roberta", "hidden_act": "relu"}, "one with gelu can be read"),
    ):
        written = tmp_path / "config.json"
        plain = written.read_text(encoding="utf-8")
        written.write_text(json.dumps(json.loads(plain) | change), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            begun(tmp_path, "bert")
        written.write_text(plain, encoding="utf-8")
    weights = theirs.state_dict()
    name = "bert.encoder.layer.1.output.dense.weight"
    theirs.save_pretrained(tmp_path, state_dict={key: value for key, value in weights.items() if key != name})
    with pytest.raises(InputError, match=f"{name} is missing"):
        begun(tmp_path, "bert")
    theirs.save_pretrained(tmp_path, state_dict=weights | {name: torch.zeros(32, 40)})
    with pytest.raises(InputError, match=rf"{name} is \(32, 40\), must be \(32, 48\)"):
        begun(tmp_path, "bert")


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    """The stage says how to come by safetensors."""
    foreign(tmp_path, "bert")
    pinned = pins(tmp_path)["start"]
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle, which could run code and is never read"):
        check_start(pinned, tmp_path / "tokenizer.json")
