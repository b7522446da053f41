"""Retrain and maintain on a schedule: `python flows/serve_flow.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.serve import app

if __name__ == "__main__":
    main(app)
