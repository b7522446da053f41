"""Retrain and maintain on a schedule: `python flows/serve_flow.py --help`."""

from flows.cli.serve import main

if __name__ == "__main__":
    main()
