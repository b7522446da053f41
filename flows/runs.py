"""List, show, compare, pin and export finished runs: `python flows/runs.py --help`."""

from flows.cli.runs import main

if __name__ == "__main__":
    main()
