"""Train with other forms of the text: `python flows/ablation_flow.py --source imdb`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.experiments import ablation_app

if __name__ == "__main__":
    main(ablation_app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.ablation import ablation_flow

    __all__ = ["ablation_flow"]
