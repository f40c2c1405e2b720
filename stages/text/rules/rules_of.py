"""rules_of: the rules that judge the documents of one source in one language, as JSON, for `gristmill explain`.

Reads   the block `clean` of params.yaml and the presets it names
Run     python -m stages.text.rules.rules_of SOURCE LANGUAGE
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from catalog.errors import exit_on_error
from stages.text.rules.judging import DEFAULT, JudgeParams
from stages.text.rules.thresholds import judge_params


def rules_of(source: str, language: str, params: JudgeParams) -> list[dict[str, Any]]:
    """rule, signal, side (at least, at most), threshold; in the order in which they judge."""
    preset = params.used()[params.presets.get(source, params.preset)]
    rules = preset.rules.get(language, preset.rules.get(DEFAULT, ()))
    return [
        {
            "rule": f"{preset.name}.{language if language in preset.rules else DEFAULT}.{rule.name}",
            "signal": rule.signal,
            "side": "at most" if rule.at_least is None else "at least",
            "threshold": rule.threshold,
        }
        for rule in rules
    ]


def main() -> None:
    """Print the rules; see the module."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.text.rules.rules_of", description="rules of a source and language"
    )
    parser.add_argument("source")
    parser.add_argument("language")
    arguments = parser.parse_args()
    print(json.dumps(rules_of(arguments.source, arguments.language, judge_params())))


if __name__ == "__main__":
    exit_on_error(main)
