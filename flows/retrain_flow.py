"""Retrain once, as the schedule does: `python flows/retrain_flow.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.retrain import app

if __name__ == "__main__":
    main(app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.retrain import retrain_flow

    __all__ = ["retrain_flow"]
