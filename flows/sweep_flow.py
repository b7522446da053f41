"""Search for better numbers: `python flows/sweep_flow.py --recipe ngrams --trials 20`."""

from flows.cli.experiments import main_sweep

if __name__ == "__main__":
    main_sweep()
else:  # Prefect loads the flow from this file
    from flows.pipelines.sweep import sweep_flow

    __all__ = ["sweep_flow"]
