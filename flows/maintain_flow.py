"""Show what nobody needs any more: `python flows/maintain_flow.py`; `--apply` removes it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.maintain import app

if __name__ == "__main__":
    main(app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.maintain import maintain_flow

    __all__ = ["maintain_flow"]
