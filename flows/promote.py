"""Promote a run to champion, or go back: `python flows/promote.py --help`."""

from flows.cli.promote import main

if __name__ == "__main__":
    main()
