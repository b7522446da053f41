from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.config.training import DataConfig, FitConfig, TrainingConfig
from tasks.reports.model_card import model_card
from tasks.runs.find import Run
from tasks.runs.read import read_checked, read_config
from tests.support.made_runs import FIRST, SAMPLE, make_run, with_sampled_baselines


def card_of(run: Run, config: TrainingConfig | None = None) -> str:
    metrics = read_checked(run, "metrics.json")
    return model_card(run.manifest, metrics, config or read_config(run), ["bad", "`good`"])


def front_matter(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    content: dict[str, Any] = yaml.safe_load(front)
    return content


def from_source(run: Run, source: str, form: str, **changes: Any) -> Run:
    score = run.manifest.score.model_copy(update={"source": source, "form": form} | changes)
    manifest = run.manifest.model_copy(update={"score": score})
    return Run(folder=run.folder, manifest=manifest)


def test_the_front_matter_has_the_fields_that_the_hub_reads(tmp_path: Path) -> None:
    front = front_matter(card_of(from_source(make_run(tmp_path), "imdb", "packages")))
    assert (front["language"], front["library_name"]) == ("en", "keras")
    assert front["pipeline_tag"] == "text-classification"
    assert front["datasets"] == ["stanfordnlp/imdb"]
    assert front["metrics"] == ["accuracy", "roc_auc"]
    (model,) = front["model-index"]
    (result,) = model["results"]
    assert result["task"]["type"] == "text-classification"
    assert result["dataset"] == {
        "name": "IMDB movie reviews, official test set",
        "type": "stanfordnlp/imdb",
        "split": "test",
    }
    accuracy, roc_auc = result["metrics"]
    assert (accuracy["type"], accuracy["value"]) == ("accuracy", 0.75)
    assert accuracy["name"] == ("Test accuracy, honest protocol (95 % interval 0.3750 to 1.0000)")
    assert (roc_auc["type"], roc_auc["value"]) == ("roc_auc", 0.9)


def test_held_out_training_reviews_are_not_called_the_official_test_set(tmp_path: Path) -> None:
    card = card_of(from_source(make_run(tmp_path), "packaged", "packaged"))
    dataset = front_matter(card)["model-index"][0]["results"][0]["dataset"]
    assert dataset["split"] == "train"
    assert "not comparable with those on the official test set" in card


def test_a_card_of_the_users_own_reviews_claims_no_data_set(tmp_path: Path) -> None:
    card = card_of(make_run(tmp_path))
    assert not {"datasets", "language"} & front_matter(card).keys()
    assert not [word for word in ("Maas", "/home/someone", "reviews.csv") if word in card]


def test_the_sections_and_the_citation_are_there(tmp_path: Path) -> None:
    card = card_of(from_source(make_run(tmp_path), "imdb", "keras"))
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "Model details",
        "Intended uses and limits",
        "Training data",
        "Training procedure",
        "Evaluation",
        "Bias, risks and limits",
        "Environment",
        "How to get started",
    ]
    assert "Learning Word Vectors for Sentiment" in card
    assert "Keras's word index" in card
    assert "| baseline: TF-IDF + logistic regression, accuracy | 0.7500 |" in card
    assert "| num_words | 40 | 10000 |" in card
    assert FIRST in card


def test_the_tutorial_protocol_is_named_wherever_the_score_is(tmp_path: Path) -> None:
    card = card_of(make_run(tmp_path, protocol="tutorial"))
    assert "the scores flatter the model" in card
    assert "tutorial protocol, 8 test reviews" in card
    assert "the lowest loss on **the test set**" in card
    metrics = front_matter(card)["model-index"][0]["results"][0]["metrics"]
    assert all("tutorial protocol" in metric["name"] for metric in metrics)


def test_dropped_repeats_are_reported(tmp_path: Path) -> None:
    run = from_source(make_run(tmp_path), "imdb", "packages")
    config = read_config(run).model_copy(update={"data": DataConfig(deduplicate=True)})
    assert "both official sets; they were dropped from training." in card_of(run, config)


@pytest.mark.parametrize("protocol", ['honest"\n---\nlicense: mit', "honest: x # y", "ho\\nest"])
def test_no_value_can_change_the_front_matter(tmp_path: Path, protocol: str) -> None:
    run = from_source(make_run(tmp_path), "files", "files", protocol=protocol)
    front = front_matter(card_of(run))
    assert "license" not in front
    name = front["model-index"][0]["results"][0]["metrics"][0]["name"]
    assert name.startswith(f"Test accuracy, {protocol} protocol")


def test_the_card_says_where_long_reviews_are_cut(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    config = read_config(run)
    both_ends = config.text.model_copy(update={"truncating": "middle", "head": 5})
    for text, said in (
        (config.text, "on the pre side (pre is the beginning). Output:"),
        (both_ends, "in the middle (the first 5 are kept). Output:"),
    ):
        assert said in card_of(run, config.model_copy(update={"text": text}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Optimizer adam, learning rate 0.001, times 0.2 after 2 epochs without a better"),
        ({"optimizer": "sgd", "schedule": "constant"}, "Optimizer sgd, learning rate 0.001, the s"),
        (
            {"schedule": "cosine", "warmup_epochs": 2},
            "reached step by step in the first 2 epochs, falling to 0 in the last epoch",
        ),
    ],
)
def test_the_card_tells_the_optimizer_and_its_schedule(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    run = make_run(tmp_path)
    fit = FitConfig.model_validate(changes)
    card = card_of(run, read_config(run).model_copy(update={"fit": fit}))
    assert sentence in " ".join(card.split())


def test_baselines_that_learned_from_a_sample_say_so(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    card = card_of(Run(folder=run.folder, manifest=with_sampled_baselines(run.manifest)))
    assert f"| baseline: TF-IDF + logistic regression {SAMPLE}, accuracy | 0.7500 |" in card
    assert f"Linear models that {SAMPLE} score 0.7500 and 0.7500 on the same" in card
    assert "Linear models trained in seconds score" in card_of(run)
