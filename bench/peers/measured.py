"""What the programs of the peers share; plain Python, since it runs in their environments."""

import json
import resource
import sys
from importlib.metadata import version


def texts():
    """The texts of the JSONL file that the command line names, as [(id, text)]."""
    with open(sys.argv[1], encoding="utf-8") as lines:
        return [(row["id"], row["text"]) for row in map(json.loads, lines)]


def cpu():
    """User and system seconds of this process and of its children that ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(package, what, seconds, **found):
    """Print the result as the last line."""
    print(json.dumps({"version": f"{package} {version(package)}", "what": what, "cpu_s": seconds, **found}))
