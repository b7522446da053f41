"""Nothing heavy is loaded before it is used.

Commands start quickly, mistakes are told at once, cached runs need no TensorFlow and predictions
neither TensorFlow nor Prefect.
"""

from pathlib import Path

import pytest

from tests.support.commands import imported_by
from tests.support.promotions import decide, make_challenger, run_id

HEAVY = {"tensorflow", "keras", "scipy", "sklearn", "matplotlib", "mlflow"}

ALL = HEAVY | {"prefect", "numpy", "pyarrow"}


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (["flows.pipelines.train", "tasks.steps"], HEAVY | {"numpy", "pyarrow"}),
        (["tasks.inference.open_model"], HEAVY | {"prefect"}),
    ],
    ids=["steps", "predictions"],
)
def test_heavy_libraries_wait_until_they_are_used(modules: list[str], absent: set[str]) -> None:
    loaded = imported_by(f"import {', '.join(modules)}")
    assert "tasks" in loaded
    assert not absent & loaded


@pytest.mark.parametrize(
    ("program", "commands", "absent"),
    [
        ("runs", ["list", "show latest", "export model-card latest", "page"], ALL),
        ("runs", [f"compare {run_id(1)} latest"], {"prefect", "tensorflow", "keras", "mlflow"}),
        ("promote", ["champion", "history", "rollback"], ALL),
    ],
    ids=["runs", "compare", "promote"],
)
def test_only_what_computes_imports_what_computes(
    tmp_path: Path, program: str, commands: list[str], absent: set[str]
) -> None:
    for number in (1, 3):
        decide(tmp_path, make_challenger(tmp_path, number, 10 * number))
    given = [[*words.split(), f"--artifacts={tmp_path}"] for words in commands]
    code = f"from flows.cli import {program}\nfrom flows.cli.app import main\n"
    code += f"for words in {given}: main({program}.app, words)"
    assert not absent & imported_by(code)


def test_a_mistake_in_the_options_comes_before_prefect_or_tensorflow() -> None:
    read = "try: app.main(train.app, ['--accelerator', 'gpu:99'])\nexcept SystemExit: pass"
    assert not ALL & imported_by(f"from flows.cli import app, train\n{read}")
