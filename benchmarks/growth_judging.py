"""The stages that judge without TensorFlow, as `growth_stages` has those that prepare reviews."""

from pathlib import Path

from cyclopts import App

from benchmarks.growth_stages import Stage, measure
from tasks.config.training import FitConfig, ProtocolConfig
from tasks.data.review_files import count_reviews
from tasks.evaluation.baselines import train_baseline
from tasks.evaluation.evaluate import Calibrated, evaluate_model

UNTRAINED = "initial_model.keras"

_DESCRIBED = {"source": "files", "form": "files"}

app = App(name="growth_judging", help="Memory and time of one stage that judges.")


def _baseline(loaded: Path, folder: Path) -> int:
    files = loaded / "train.parquet", loaded / "test.parquet"
    vocabulary = loaded / "vocabulary.json"
    train_baseline(*files, ProtocolConfig(), _DESCRIBED, folder, vocabulary=vocabulary)
    return sum(map(count_reviews, files))


def _evaluate(persisted: Path, folder: Path) -> int:
    sets = [persisted / f"{name}.parquet" for name in ("validation", "test")]
    record = folder / "calibration.json"
    record.write_text('{"temperature": 1.0}')
    evaluate_model(
        persisted / UNTRAINED,
        sets[1],
        FitConfig().evaluation_batch_size,
        _DESCRIBED,
        folder,
        calibrated=Calibrated(record, sets[0]),
    )
    return sum(map(count_reviews, sets))


STAGES: dict[str, Stage] = {"baseline": _baseline, "evaluate": _evaluate}


@app.default
def run_stage(stage: str, source: Path, folder: Path) -> None:
    """Run one stage in this process.

    Args:
        stage: baseline or evaluate.
        source: What load left for the baselines; padded reviews and a network for evaluate.
        folder: An empty folder to write to.
    """
    measure(STAGES[stage], source, folder)


if __name__ == "__main__":
    app()
