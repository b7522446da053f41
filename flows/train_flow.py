"""Train once: `python flows/train_flow.py`; `--help` shows all options."""

from flows.cli.train import main

if __name__ == "__main__":
    main()
else:  # Prefect loads the flow from this file
    from flows.pipelines.train import train_flow

    __all__ = ["train_flow"]
