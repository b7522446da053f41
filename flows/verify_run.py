"""Check a run's files and repeat it: `python flows/verify_run.py artifacts/runs/RUN`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.verify import verify_app

if __name__ == "__main__":
    main(verify_app)
