"""Train with other forms of the text: `python flows/ablation_flow.py --source imdb`."""

from flows.cli.experiments import main_ablation

if __name__ == "__main__":
    main_ablation()
else:  # Prefect loads the flow from this file
    from flows.pipelines.ablation import ablation_flow

    __all__ = ["ablation_flow"]
