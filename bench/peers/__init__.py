"""Programs of other projects on the same texts, each run by the Python of an environment of its own.

`make bench-peers` makes the environments, `.venv-peers/<peer>`, from the pins in <peer>.txt. A program reads a JSONL
file of {"id", "text"} and prints one JSON object: `version`, `what` was run, `cpu_s` from texts in memory to the
result (user and system seconds of the process and its children, imports not counted), and what it found.
"""
