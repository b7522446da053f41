"""The model card of a run: Markdown with the front matter that Hugging Face's hub reads.

See https://huggingface.co/docs/hub/model-cards. Values in the front matter are written as JSON,
which is YAML too, so that none can be mistaken for syntax.
"""

from collections.abc import Sequence
from typing import Any

from tasks.config.training import Architecture, OwnNetworkConfig, TrainingConfig, changed_settings
from tasks.model.describe import network_title
from tasks.reports.html import render
from tasks.reports.tables import METRICS
from tasks.reports.verdict import calibration_sentence, cost_sentence
from tasks.runs.manifest import Manifest

MODEL_CARD = "model_card.md"

_START = "## How to get started"

_BY_SCRIPT = """

In the folder of this bundle; the first lines of `predict.py` say what it needs:

```sh
python predict.py "A warm and clever film."
```"""

_BY_PROJECT = """

With the project that trained it, which reads the bundle as a folder or a zip:

```sh
sentiment predict --bundle . "A warm and clever film."
```
"""

_DATASETS = {
    "imdb": "IMDB movie reviews, official test set",
    "packaged": "IMDB movie reviews, held out from the official training set",
    "files": "the user's own reviews",
}


_TAGS: dict[Architecture, tuple[str, ...]] = {
    "conv_bilstm": ("conv1d", "bilstm"),
    "ngram_bag": ("n-grams", "naive-bayes"),
    "own": (),
}


def model_card(
    manifest: Manifest, metrics: dict[str, Any], config: TrainingConfig, labels: Sequence[str]
) -> str:
    """Return the model card of a run; it holds no text of a review and no path of a machine."""
    # Where the reviews lay is of no use to others.
    network = config.network
    if isinstance(network, OwnNetworkConfig):
        network = network.without_folders()
    shown = {"source": TrainingConfig().source, "network": network}
    settings = changed_settings(config.model_copy(update=shown))
    return render(
        "model_card.md.jinja",
        manifest=manifest,
        metrics=metrics,
        calibration=calibration_sentence(metrics),
        cost=cost_sentence(metrics["cost"]) if "cost" in metrics else None,
        metric_names=METRICS,
        labels=labels,
        config=config,
        changed=settings,
        network_title=network_title(config.network),
        tags=_TAGS[config.network.architecture],
        dataset=_DATASETS[manifest.score.source],
    )


def card_in_bundle(card: str, *, has_script: bool = True) -> str:
    """Return a run's card with how its bundle is used, by `predict.py` where it has one."""
    of_run, _, _ = card.partition(_START)
    return of_run + _START + (_BY_SCRIPT if has_script else "") + _BY_PROJECT
