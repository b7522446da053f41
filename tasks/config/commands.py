"""How a command is spelled: by the program `sentiment`, or as a script of `flows`."""

import sys
from pathlib import Path

PROGRAM = "sentiment"

SCRIPTS = {
    "train": "train_flow.py",
    "check-network": "train_flow.py check-network",
    "label-next": "train_flow.py label-next",
    "label-errors": "train_flow.py label-errors",
    "retrain": "retrain_flow.py",
    "serve": "serve_flow.py",
    "predict": "predict_flow.py",
    "runs": "runs.py",
    "compare": "runs.py compare",
    "promote": "promote.py promote",
    "rollback": "promote.py rollback",
    "champion": "promote.py champion",
    "history": "promote.py history",
    "verify": "verify_run.py",
    "explain": "explain_run.py",
    "seeds": "seeds_flow.py",
    "ablation": "ablation_flow.py",
    "sweep": "sweep_flow.py",
    "maintain": "maintain_flow.py",
    "server": "set_up_server.py",
    "worker": "worker.py",
}
"""What each command of the program is called in a checkout."""

_IN_CHECKOUT = (Path(__file__).parents[2] / "pyproject.toml").is_file()


def spelled(command: str) -> str:
    """Return what a person types for a command such as `runs list`, as this process was started."""
    if not _IN_CHECKOUT or Path(sys.argv[0]).stem == PROGRAM:
        return f"{PROGRAM} {command}"
    name, space, words = command.partition(" ")
    return f"python flows/{SCRIPTS[name]}{space}{words}"
