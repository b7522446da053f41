"""Show what nobody needs any more: `python flows/maintain_flow.py`; `--apply` removes it."""

from flows.cli.app import run_command
from flows.cli.maintain import app

if __name__ == "__main__":
    run_command(app)
else:  # Prefect loads the flow from this file
    from flows.pipelines.maintain import maintain_flow

    __all__ = ["maintain_flow"]
