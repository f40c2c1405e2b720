"""Exported models: the card says what is known of a run, and what is not the run is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import transformers
import yaml
from transformers import BertForMaskedLM

from catalog.errors import GristmillError, InputError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from catalog.segments import Segment
from catalog.sql.database import ensure_database
from stages.catalog import main as catalog
from stages.model.networks import classifier
from stages.model.tables import UNITS
from stages.publication.models.export import export, lines, refuse
from stages.publication.models.measured import Measured
from stages.publication.models.runs import run_to_export
from tests.catalog.small_corpus import TEXTS, id_of, new_project, write_stage
from tests.stages.model.run_folders import LABELS, our_scores, write_run
from tests.stages.publication.published import built_rights

__all__ = ["built_rights"]


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
    with new_project(root):
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
    return list(export(run_to_export(name), Path("out"), tolerance=tolerance, **asked))


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
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path("out").iterdir()}
    assert set(modes.values()) == {modes["README.md"]}, "who may read one file may read the others"
    exported_run()
    assert "says what the run said on 1 of 1 test texts" in "\n".join(lines(Path("out"), found))


def test_a_pretrained_model_is_exported_whole(trained: Path) -> None:
    """With the class that its config names; it has no classes to be measured by."""
    assert exported_run("model") == []
    model = transformers.AutoModelForMaskedLM.from_pretrained("out")
    kept = BertForMaskedLM.from_pretrained("whole").state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    with pytest.raises(InputError, match="only a run that evaluate has tested text by text"):
        exported_run("model", onnx=True)


def test_weights_that_the_catalog_does_not_know_are_refused(trained: Path) -> None:
    """Its card would be about another model; an unknown run is answered with those there are."""
    write_run(Path("other"), "cls")
    build("finetune", {"scratch-seed-1": "other"}, [])
    with pytest.raises(InputError, match="dvc repro catalog"):
        exported_run()
    with pytest.raises(InputError, match="there are model, scratch-seed-1"):
        run_to_export("scratch-seed-2")
    weights = Path("data/finetune/scratch-seed-1/head.safetensors")
    weights.unlink()
    weights.write_bytes(b"others")
    with pytest.raises(InputError, match=r"head\.safetensors is not what its manifest says"):
        run_to_export("scratch-seed-1")


def test_a_form_that_loses_too_much_is_refused() -> None:
    """More than the tolerance; as much as it is accepted."""
    full, small = (
        Measured(form=name, metric="span_f1", value=share, same=9, documents=10)
        for name, share in (("a", 0.9), ("b", 0.8))
    )
    refuse([full, small], 0.11)
    with pytest.raises(GristmillError, match=r"b has span_f1 0\.8000 .* --tolerance 0\.100"):
        refuse([full, small], 0.09)


@pytest.mark.nightly
def test_each_form_is_measured_and_written_into_the_card(trained: Path) -> None:
    """Weights, ONNX and 8 bits on the same test documents."""
    found = exported_run(int8=True, tolerance=1.0)
    assert [one.form for one in found] == ["safetensors", "model.onnx", "model-int8.onnx"]
    assert {"model.onnx", "model-int8.onnx"} <= {path.name for path in Path("out").iterdir()}
    assert "| model-int8.onnx | " in Path("out/README.md").read_text(encoding="utf-8")
