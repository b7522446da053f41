import sys
from datetime import datetime
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tasks.common.errors import ExportError, MissingExtraError
from tasks.reports.tensorboard import export_tensorboard
from tests.support.commands import imported_by
from tests.support.made_runs import FIRST, HISTORY, make_run


def read_back(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_the_curves_are_read_back_by_epoch(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    export_tensorboard(run, tmp_path / "logs", "Test Accuracy: 0.75")
    time = datetime.fromisoformat(run.manifest.created).timestamp()
    for part, prefix in (("train", ""), ("validation", "val_")):
        events = read_back(tmp_path / "logs" / FIRST / part)
        for name in ("loss", "accuracy"):
            scalars = events.Scalars(f"epoch_{name}")
            assert [scalar.step for scalar in scalars] == [1, 2]
            assert [scalar.value for scalar in scalars] == pytest.approx(HISTORY[prefix + name])
            assert {scalar.wall_time for scalar in scalars} == {time}
    train = read_back(tmp_path / "logs" / FIRST / "train")
    rates = [scalar.value for scalar in train.Scalars("epoch_learning_rate")]
    assert rates == pytest.approx(HISTORY["learning_rate"])


def test_config_and_score_are_read_back_as_texts(tmp_path: Path) -> None:
    export_tensorboard(make_run(tmp_path, seed=7), tmp_path / "logs", "Test Accuracy: 0.75")
    events = read_back(tmp_path / "logs" / FIRST / "train")
    (score,) = events.Tensors("score")
    (config,) = events.Tensors("config")
    assert score.tensor_proto.string_val[0] == b"Test Accuracy: 0.75"
    assert b"| seed | 7 |" in config.tensor_proto.string_val[0]
    plugin = events.SummaryMetadata("config").plugin_data.plugin_name
    assert plugin == "text"


def test_a_run_is_not_exported_over_itself(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    first = {file: file.read_bytes() for file in export_tensorboard(run, tmp_path / "logs", "s")}
    with pytest.raises(ExportError, match=f"{run.folder.name} is there already; remove it or"):
        export_tensorboard(run, tmp_path / "logs", "s")
    assert all(file.read_bytes() == content for file, content in first.items())


def test_without_tensorboard_the_command_that_installs_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.plugins.text.summary_v2", None)
    with pytest.raises(MissingExtraError) as raised:
        export_tensorboard(make_run(tmp_path), tmp_path / "logs", "s")
    assert str(raised.value) == (
        "tensorboard is not installed; get it with: pip install -c constraints.txt -e"
        " '.[tensorboard]'"
    )
    assert not (tmp_path / "logs").exists()


def test_tensorflow_is_not_started(tmp_path: Path) -> None:
    make_run(tmp_path)
    words = ["export", "tensorboard", "latest", str(tmp_path / "logs"), f"--artifacts={tmp_path}"]
    imported = imported_by(f"from flows.cli import app, runs; app.main(runs.app, {words!r})")
    assert not {"prefect", "tensorflow", "keras"} & imported
