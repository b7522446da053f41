"""A worker for the deployments: `python flows/worker.py --pool retraining`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.server import worker_app

if __name__ == "__main__":
    main(worker_app)
