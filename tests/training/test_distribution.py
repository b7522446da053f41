"""Several devices train as one does; here they are virtual ones of the CPU."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.device import CPU, Device, probe_gpus
from tasks.common.errors import InvalidConfigError
from tasks.config.request import require_divisible
from tasks.config.training import FitConfig
from tests.support.small_run import train_small
from tests.support.two_devices import CUT

TWO_GPUS = Device(kind="gpu", count=2, name="A", reason="requested")


def train(what: str, prepared: Path, folder: Path, status: int = 0) -> None:
    """Train in a process of its own, since virtual devices are made before TensorFlow starts."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.two_devices", what, prepared, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stderr


def read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


@pytest.mark.parametrize("what", ["bag", pytest.param("losses", marks=pytest.mark.slow)])
def test_two_devices_have_the_losses_of_one_with_the_same_batches(
    what: str, prepared: Path, tmp_path: Path
) -> None:
    train(what, prepared, tmp_path)
    two = read(tmp_path / "two", "history.json")
    for metric, expected in read(tmp_path / "one", "history.json").items():
        np.testing.assert_allclose(two[metric], expected, rtol=1e-4, err_msg=metric)


@pytest.mark.slow
def test_a_training_that_ended_early_on_two_devices_goes_on_to_the_same_weights(
    prepared: Path, tmp_path: Path
) -> None:
    train("cut", prepared, tmp_path, CUT)
    train("resume", prepared, tmp_path)
    for name in ("facts.json", "history.json"):
        assert read(tmp_path / "resumed", name) == read(tmp_path / "whole", name)


@pytest.mark.parametrize(
    ("fit", "sentence"),
    [
        (FitConfig(batch_size=65), "batch_size=65: must be a multiple of 2, since 2 devices"),
        (FitConfig(training_step="fast"), "training_step='fast': must be 'auto' or 'keras'"),
    ],
)
def test_what_several_devices_cannot_share_is_told(fit: FitConfig, sentence: str) -> None:
    require_divisible(fit, CPU)
    with pytest.raises(InvalidConfigError, match=sentence):
        require_divisible(fit, TWO_GPUS)


@pytest.mark.skipif(len(probe_gpus()) < 2, reason="this machine has fewer than two GPUs")
def test_two_gpus_train(prepared: Path, tmp_path: Path) -> None:
    device = Device(kind="gpu", count=2, name="two", reason="present")
    facts = train_small(prepared, tmp_path, FitConfig(epochs=1, batch_size=16), device=device)
    assert facts["training_step"] == "keras"
