"""python -m bench NAME [--quick] [--json]: run one bench; with --json the last line is one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil

import bench


def main() -> None:
    """Parse, run, print."""
    found = pkgutil.iter_modules(bench.__path__)
    names = sorted(module.name for module in found if module.name != "__main__" and not module.ispkg)
    parser = argparse.ArgumentParser(prog="python -m bench", description=bench.__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--quick", action="store_true", help="a smaller run of the same measurement")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    result = importlib.import_module(f"bench.{arguments.name}").run(quick=arguments.quick)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        print(f"{name:<24} {value}")


if __name__ == "__main__":
    main()
