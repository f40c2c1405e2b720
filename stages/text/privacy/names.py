"""Names of people in a text, by Presidio and a spaCy model of its language: an option of redaction.

A name has no pattern and no checksum, so a model guesses, and both kinds of its errors stay: this is no anonymisation.
Presidio is asked for persons alone, with a model that is installed or lies in a folder; nothing is ever downloaded.
A text is read in parts, for a network's memory grows with what it reads at once.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from stages.text.privacy.redact import Found

KIND = "PERSON"
LABELS = {"PERSON", "PER"}  # what models call a person
NOT_READ = ["tagger", "morphologizer", "parser", "senter", "attribute_ruler", "lemmatizer"]  # half of the time
PART, BESIDE = 5000, 200  # characters that are read at once, and on either side of them, so that a cut costs no name
PACKAGES = ("presidio-analyzer", "spacy")
INSTALL = "pip install 'gristmill[presidio]'"
REMEDY = "correct params.yaml, then `dvc repro clean`"

Finder = Callable[[str], list[Found]]


def model_problems(models: Mapping[str, str]) -> list[str]:
    """What is wrong with `names` of params.yaml, a language -> an installed spaCy model or the folder of one."""
    if any(not isinstance(model, str) for model in models.values()):
        return [f"`names` is {dict(models)}, must name one spaCy model for each language, as in {{en: en_core_web_sm}}"]
    if models and not all(map(importlib.util.find_spec, ("presidio_analyzer", "spacy"))):
        return [f"`names` needs Presidio: `{INSTALL}`"]
    return [
        f"`names.{language}` is {model!r}, neither an installed spaCy model nor the folder of one: "
        f"`python -m spacy download {model}`, or correct params.yaml"
        for language, model in models.items()
        if not _installed(model) and not Path(model, "config.cfg").is_file()
    ]


def model_versions(models: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What decides the names that are found: (installed distributions, files of folders)."""
    folders = [Path(model) for model in models.values() if not _installed(model)]
    files = (path.as_posix() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    packages = [model for model in models.values() if _installed(model)]
    return ((*PACKAGES, *packages) if models else ()), tuple(files)


def finder(models: Mapping[str, str], language: str) -> Finder | None:
    """What finds the names in a text of that language; None without a model of it.

    Errors: InputError where the model is one of another language, or of something else than people.
    """
    return _finder(language, models[language]) if language in models else None


def _installed(model: str) -> bool:
    return model.isidentifier() and importlib.util.find_spec(model) is not None


@functools.cache
def _finder(language: str, model: str) -> Finder:
    import spacy  # with Presidio a second, and only who asks for names has them

    pipeline = spacy.load(model, exclude=NOT_READ)
    _check(pipeline, language, model)
    persons = _analyzer(pipeline, language)

    def find(text: str) -> list[Found]:
        found: list[Found] = []
        with pipeline.memory_zone():  # or its vocabulary keeps every word it ever met
            for start in range(0, len(text), PART):
                low = max(0, start - BESIDE)
                names = persons(text[low : start + PART + BESIDE])
                for name in sorted(names, key=lambda name: (name.start, -name.end)):
                    first, free = low + name.start, found[-1].end if found else 0
                    if start <= first < start + PART and first >= free:
                        found += _lines(text, first, low + name.end)
        return found

    return find


def _check(pipeline: Any, language: str, model: str) -> None:
    if pipeline.lang not in (language, "xx"):  # spaCy's code of a model of many languages
        raise InputError(f"clean.names.{language}: {model} is a model of the language {pipeline.lang}; {REMEDY}")
    labels = {label for _, pipe in pipeline.pipeline for label in getattr(pipe, "labels", ())}
    if not labels & LABELS:
        raise InputError(f"clean.names.{language}: {model} finds no people, but {sorted(labels)}; {REMEDY}")


def _analyzer(pipeline: Any, language: str) -> Callable[[str], Any]:
    """Presidio's analyzer around a model that is loaded: its own way to load one would download it, or take a GPU."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    engine: Any = SpacyNlpEngine(models=[{"lang_code": language, "model_name": pipeline.meta["name"]}])
    engine.nlp = {language: pipeline}
    person = SpacyRecognizer(supported_language=language, supported_entities=[KIND])
    registry = RecognizerRegistry(recognizers=[person], supported_languages=[language])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
    return lambda text: analyzer.analyze(text, language=language, entities=[KIND])


def _lines(text: str, start: int, end: int) -> Iterator[Found]:
    """A name, line by line and without the spaces around it: no token takes a line break with it."""
    for line in text[start:end].splitlines(keepends=True):
        name = line.strip()
        at = start + line.find(name)
        if name:
            yield Found(at, at + len(name), KIND)
        start += len(line)
