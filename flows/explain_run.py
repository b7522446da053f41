"""Explain which steps of a run were cached: `python flows/explain_run.py artifacts/runs/RUN`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.verify import explain_app

if __name__ == "__main__":
    main(explain_app)
