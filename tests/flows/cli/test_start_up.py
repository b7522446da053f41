"""Nothing heavy is loaded before it is used.

Commands start quickly, mistakes are told at once, cached runs need no TensorFlow and predictions
neither TensorFlow nor Prefect.
"""

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "scipy", "sklearn", "matplotlib"}
COMMANDS = [
    f"flows.cli.{name}"
    for name in (
        "app",
        "experiments",
        "maintain",
        "options",
        "predict",
        "promote",
        "retrain",
        "runs",
        "serve",
        "server",
        "train",
        "verify",
    )
]
IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(name for name in sys.modules if "." not in name))
"""


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (COMMANDS, HEAVY | {"prefect"}),
        (["flows.pipelines.train", "tasks.steps"], HEAVY | {"numpy", "pyarrow"}),
        (["tasks.inference.open_model"], HEAVY | {"prefect"}),
    ],
    ids=["commands", "steps", "predictions"],
)
def test_heavy_libraries_wait_until_they_are_used(modules: list[str], absent: set[str]) -> None:
    command = [sys.executable, "-c", IMPORT, *modules]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "tasks" in loaded
    assert not absent & loaded
