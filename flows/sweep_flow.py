"""Search for better numbers: `python flows/sweep_flow.py --recipe ngrams --trials 20`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.experiments import sweep_app

if __name__ == "__main__":
    main(sweep_app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.sweep import sweep_flow

    __all__ = ["sweep_flow"]
