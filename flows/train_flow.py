"""Train once: `python flows/train_flow.py`; `--help` shows all options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.train import app

if __name__ == "__main__":
    main(app)
else:  # Prefect loads the flows from this file
    from flows.pipelines.train import train_flow
    from flows.pipelines.train_form import train_from_form

    __all__ = ["train_flow", "train_from_form"]
