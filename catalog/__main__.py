"""python -m catalog: the same as the command `gristmill`."""

from catalog.cli import main

main()
