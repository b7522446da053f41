"""Train with several seeds: `python flows/seeds_flow.py --seeds 5`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.experiments import seeds_app

if __name__ == "__main__":
    main(seeds_app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.seeds import seeds_flow

    __all__ = ["seeds_flow"]
