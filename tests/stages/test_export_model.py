"""Exported models: plain classes of transformers give the scores of our network, and the card says what is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch
import transformers
import yaml
from transformers import (
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedModel,
)

from catalog.database import ensure_database
from catalog.errors import GristmillError, InputError
from catalog.operators import Operator
from catalog.segments import Segment
from catalog.stage import Stage
from stages.catalog import main as catalog
from stages.model import classifier, token_scorer
from stages.model.architectures import Shape
from stages.model.batches import framed, laid_out
from stages.model.classifier import Classifier, Description
from stages.model.network import Packed
from stages.model.tables import UNITS
from stages.model.token_scorer import Scores, TokenScorer
from stages.model.tokenizer import token_ids, trained_tokenizer
from stages.publication.models.card import SCORES
from stages.publication.models.export import export, lines, refuse
from stages.publication.models.measured import Measured, Test, measured
from stages.publication.models.onnx_files import onnx_scores, write_int8, write_onnx
from stages.publication.models.runs import find_run
from stages.publication.models.weights import exported, save
from tests.catalog.small_corpus import TEXTS, id_of, seen, write_stage
from tests.stages.published import built_rights

__all__ = ["built_rights"]

SEEN = ["A fine film, said John.", "这部电影很好看", "It is what it is, with [MASK] and [SEP] in it."]
LABELS = ["negative", "positive"]
WIDTH = 32
TINY = {"vocab_size": 340, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def body(architecture: str) -> PreTrainedModel:
    """A network with random weights, large enough to tell texts apart."""
    torch.manual_seed(1)
    shape = Shape(
        layers=2,
        hidden=16,
        heads=2,
        feed_forward=32,
        width=WIDTH,
        vocabulary=340,
        dropout=0.0,
        architecture=architecture,
    )
    config = shape.config()
    config.initializer_range = 0.5
    return AutoModel.from_config(config)


def write_tokenizer(out: Path) -> None:
    """The tokenizer of a run, and the list of what it read."""
    tokenizer = trained_tokenizer(SEEN, vocabulary=340, lowercase=True, alphabet=60, min_frequency=1)
    (out / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "cls", "sep", "mask")}
    names |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    (out / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")
    for name, text in seen([2], "train_en").items():
        (out / name).write_text(text, encoding="utf-8")


def write_run(out: Path, pooling: str, architecture: str = "bert", kind: str = "classification") -> None:
    """The folder of a classifier."""
    model = Classifier(body(architecture), len(LABELS), pooling, dropout=0.1)
    out.mkdir(parents=True)
    classifier.save(model, Description(labels=LABELS, pooling=pooling, width=WIDTH, kind=kind), out)
    write_tokenizer(out)


def write_scorer(out: Path, labels: list[str], together: int, architecture: str) -> None:
    """The folder of a scorer of tokens."""
    model = TokenScorer(body(architecture), said := Scores(labels=labels, width=WIDTH, together=together), dropout=0.1)
    out.mkdir(parents=True)
    token_scorer.save(model, said, out)
    write_tokenizer(out)


def our_scores(folder: Path, texts: list[str]) -> np.ndarray:
    """What our own network says, all texts packed into rows: [texts, classes]."""
    from tokenizers import Tokenizer

    model, _ = classifier.load(folder)
    lists = token_ids(Tokenizer.from_file(str(folder / "tokenizer.json")), texts)
    rows = [[framed(np.array(one, np.int64), np.uint64(place), 0, 0)] for place, one in enumerate(lists)]
    with torch.inference_mode():
        return model(Packed(laid_out(rows, WIDTH), torch.device("cpu"))).numpy()


def loaded(run: Path, out: Path, auto: str, **more: Any) -> dict[str, Any]:
    """What the lines of the card leave behind, on a padded batch of SEEN by the exported tokenizer."""
    given = exported(run)
    save(given, run, out)
    assert given.auto == auto
    model = getattr(transformers, auto).from_pretrained(out).eval()
    batch = transformers.AutoTokenizer.from_pretrained(out)(SEEN, return_tensors="pt", padding=True)
    assert set(batch) == set(given.inputs)
    names = {"safetensors": safetensors, "torch": torch, "model": model, "batch": batch, "folder": str(out)} | more
    with torch.inference_mode():
        exec("\n".join(SCORES[given.form]), names)
    return names


@pytest.mark.parametrize(
    ("architecture", "pooling", "auto"),
    [
        ("bert", "cls", "AutoModelForSequenceClassification"),
        ("bert", "mean", "AutoModelForTokenClassification"),
        ("gpt", "mean", "AutoModelForTokenClassification"),
        ("modernbert", "mean", "AutoModel"),
    ],
)
def test_plain_transformers_gives_the_scores_of_our_classifier(
    tmp_path: Path, architecture: str, pooling: str, auto: str
) -> None:
    """As its card says to load it; special tokens spelt in a text are letters, as for ours."""
    write_run(tmp_path / "run", pooling, architecture)
    found = loaded(tmp_path / "run", tmp_path / "out", auto)
    scores = found["scores"].numpy()
    assert np.abs(scores - our_scores(tmp_path / "run", SEEN)).max() < 1e-5
    assert np.ptp(scores[:, 0]) > 0.01
    assert [found["model"].config.id2label[place] for place in range(2)] == LABELS


PLACES = torch.tensor([[1, 3], [2, 1], [4, 2]])


@pytest.mark.parametrize("architecture", ["bert", "gpt", "modernbert"])
@pytest.mark.parametrize(
    ("labels", "together", "auto"),
    [
        (["O", "B-PER", "I-PER"], 1, "AutoModelForTokenClassification"),
        (["start", "end"], 1, "AutoModelForQuestionAnswering"),
        (["", "works_for"], 2, "AutoModel"),
    ],
)
def test_plain_transformers_gives_the_scores_of_our_scorer(
    tmp_path: Path, architecture: str, labels: list[str], together: int, auto: str
) -> None:
    """Of tokens for spans, of begin and end for questions, of two tokens for relations; characters stand alone."""
    write_scorer(tmp_path / "run", labels, together, architecture)
    alone = "AutoModel" if architecture == "modernbert" else auto
    found = loaded(tmp_path / "run", tmp_path / "out", alone, places=PLACES)
    scores = torch.stack([found["begins"], found["ends"]], 2) if "begins" in found else found["scores"]
    tokens = [row[mask > 0].numpy() for row, mask in zip(*(found["batch"][name] for name in
              ("input_ids", "attention_mask")), strict=True)]  # fmt: skip
    assert len(tokens[1]) == len(TEXTS["test_zh"]) + 2
    model, _ = token_scorer.load(tmp_path / "run")
    for number, ids_of in enumerate(tokens):
        asked = PLACES[number].numpy() if together == 2 else np.arange(len(ids_of))
        example = framed(ids_of[1:-1], np.uint64(number), 0, 0)
        batch = replace(laid_out([[example]], WIDTH), guesses=asked)
        with torch.inference_mode():
            ours = model(Packed(batch, torch.device("cpu")))
        theirs = scores[number][None] if together == 2 else scores[number, : len(ids_of)]
        assert (ours - theirs).abs().max() < 1e-5


def test_several_classes_a_text_and_pairs_say_so(tmp_path: Path) -> None:
    """In the configuration, and in how the card reads the scores."""
    write_run(tmp_path / "run", "cls", kind="multilabel")
    given = exported(tmp_path / "run")
    assert (given.kind, given.model.config.problem_type) == ("multilabel", "multi_label_classification")
    test = Test(right=np.array(['["negative"]', "[]"]), said=np.array(["[]", "[]"]), batches=[])
    found = measured("x", np.array([[1.0, -1.0], [-1.0, 1.0]]), given, test)
    assert (found.accuracy, found.same) == (0.5, 0)


def place(inputs: list[Segment], *, params: Mapping[str, str], out: Path) -> None:
    """A build that was made elsewhere."""
    shutil.copytree(params["folder"], out, dirs_exist_ok=True)


def chosen(rows: list[dict[str, str]]) -> Iterator[tuple[str, None, pa.Table]]:
    """The table of labelled texts."""
    yield "units", None, pa.Table.from_pylist(rows, UNITS.remove_metadata())


def build(stage: str, folders: Mapping[str, str], units: list[dict[str, str]] | None = None) -> None:
    """Write a stage of builds, name -> the folder that holds it, and of labelled texts."""
    with Stage(stage) as run:
        if units is not None:
            run.act(Operator(name="units", run=chosen, writes={"units": UNITS}), "units", {}, args=(units,))
        for name, folder in folders.items():
            run.build(Operator(name="place", run=place), [], name=name, params={"folder": folder})


@pytest.fixture(scope="module")
def built_models(built_rights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus with one classifier, tested on test_zh, and a pretrained model."""
    root = tmp_path_factory.mktemp("models") / "project"
    shutil.copytree(built_rights, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GRISTMILL_WORKERS", "1")
        write_run(Path("made"), "mean")
        BertForMaskedLM(classifier.load(Path("made"))[0].encoder.config).save_pretrained("whole")
        for name in ("tokenizer.json", "tokenizer_config.json", "documents.txt", "exposure.json"):
            shutil.copy(Path("made") / name, "whole")
        unit = {"id": id_of("test_zh"), "split": "test", "source": "reviews", "language": "zh", "label": "negative"}
        build("finetune", {"scratch-seed-1": "made"}, [unit | {"text": TEXTS["test_zh"]}])
        build("pretrain", {"model": "whole"})
        said = LABELS[our_scores(Path("made"), [TEXTS["test_zh"]]).argmax()]
        row = {"run": "scratch-seed-1", "id": id_of("test_zh"), "label": "negative", "predicted": said,
               "correct": said == "negative", "margin": 0}  # fmt: skip
        score = {"run": "scratch-seed-1", "system": "scratch", "metric": "accuracy", "slice": "all", "seed": 1,
                 "units": 1, "value": 0.25, "low": 0.125, "high": 0.5}  # fmt: skip
        write_stage("evaluate", [], [("evaluate/predictions", None, [row]), ("evaluate/metrics", None, [score])])
        catalog()
        ensure_database()
    return root


@pytest.fixture
def trained(project: Path, built_models: Path) -> Path:
    """The current directory is that project."""
    shutil.copytree(built_models, project, dirs_exist_ok=True)
    return project


def exported_run(name: str = "scratch-seed-1", tolerance: float = 0.0, **forms: bool) -> list[Measured]:
    """A run exported into `out`."""
    asked = {"onnx": False, "int8": False} | forms
    return list(export(find_run(name), Path("out"), tolerance=tolerance, **asked))


def test_the_card_says_what_the_run_read_and_how_it_was_checked(trained: Path) -> None:
    """Sources and licences of what it read alone, test documents it has read, and the author's words where given."""
    Path("params.yaml").write_text(yaml.safe_dump({"card": {"answers": {"model_use": "Nothing but tests."}}}))
    found = exported_run()
    assert [(one.form, one.same, one.documents) for one in found] == [("safetensors", 1, 1)]
    page = Path("out/README.md").read_text(encoding="utf-8")
    assert "1 document with 23 characters" in page and "CC0-1.0" in page and "not stated" not in page
    assert "Of 1 test document, the model has read 0; 0 have a near-duplicate" in page
    assert "| scratch-seed-1 | accuracy | 0.2500 | 0.1250 to 0.5000 | 1 |" in page
    assert "Nothing but tests." in page and "`card.answers.model_limits`" in page
    assert json.loads(Path("out/model.json").read_text())["run"] == "scratch-seed-1"
    exported_run()
    assert "says what the run said on 1 of 1 test texts" in "\n".join(lines(Path("out"), found))


def test_a_pretrained_model_is_exported_whole(trained: Path) -> None:
    """With the class that its config names; it has no classes to be measured by."""
    assert exported_run("model") == []
    model = transformers.AutoModelForMaskedLM.from_pretrained("out")
    kept = BertForMaskedLM.from_pretrained("whole").state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    with pytest.raises(InputError, match="only a classifier that evaluate has tested"):
        exported_run("model", onnx=True)


def test_a_network_that_writes_is_exported_whole(tmp_path: Path) -> None:
    """An encoder-decoder loads by its Auto class, with the limits it was trained by."""
    parts = {"encoder": BertConfig(**TINY), "decoder": BertConfig(**TINY, is_decoder=True, add_cross_attention=True)}
    ours = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(*parts.values()))
    ours.save_pretrained(tmp_path / "run")
    write_tokenizer(tmp_path / "run")
    (tmp_path / "run" / "limits.json").write_text('{"width": 24}')
    given = exported(tmp_path / "run")
    save(given, tmp_path / "run", tmp_path / "out")
    assert (given.auto, given.width) == ("AutoModelForSeq2SeqLM", 24)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out")
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in model.state_dict().items())


def test_weights_that_the_catalog_does_not_know_are_refused(trained: Path) -> None:
    """Its card would be about another model; an unknown run is answered with those there are."""
    write_run(Path("other"), "cls")
    build("finetune", {"scratch-seed-1": "other"}, [])
    with pytest.raises(InputError, match="dvc repro catalog"):
        exported_run()
    with pytest.raises(InputError, match="there are model, scratch-seed-1"):
        find_run("scratch-seed-2")


def test_a_form_that_loses_too_much_is_refused() -> None:
    """More than the tolerance; as much as it is accepted."""
    full, small = (
        Measured(form=name, accuracy=share, same=9, documents=10) for name, share in (("a", 0.9), ("b", 0.8))
    )
    refuse([full, small], 0.11)
    with pytest.raises(GristmillError, match=r"b is right on 80\.00% .* --tolerance 0\.100"):
        refuse([full, small], 0.09)


@pytest.mark.nightly
@pytest.mark.parametrize("architecture", ["bert", "gpt", "modernbert"])
def test_onnx_gives_the_same_scores_in_the_same_bytes(tmp_path: Path, architecture: str) -> None:
    """Whatever the size of a batch, and written twice; no path of a machine is in the files."""
    write_run(tmp_path / "run", "mean", architecture)
    given = exported(tmp_path / "run")
    save(given, tmp_path / "run", tmp_path)
    forms = []
    for _ in range(2):
        path = write_onnx(given, tmp_path)
        forms.append([path.read_bytes(), write_int8(path).read_bytes()])
    assert forms[0] == forms[1] and len(forms[0][1]) < len(forms[0][0])
    assert b".py" not in forms[0][0] and str(Path.home()).encode() not in forms[0][0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for texts in (SEEN[:1], SEEN):
        batch = dict(tokenizer(texts, return_tensors="np", padding=True))
        assert np.abs(onnx_scores(path, [batch]) - our_scores(tmp_path / "run", texts)).max() < 1e-4


@pytest.mark.nightly
def test_each_form_is_measured_and_written_into_the_card(trained: Path) -> None:
    """Weights, ONNX and 8 bits on the same test documents."""
    found = exported_run(int8=True, tolerance=1.0)
    assert [one.form for one in found] == ["safetensors", "model.onnx", "model-int8.onnx"]
    assert {"model.onnx", "model-int8.onnx"} <= {path.name for path in Path("out").iterdir()}
    assert "| model-int8.onnx | " in Path("out/README.md").read_text(encoding="utf-8")
