"""The program `sentiment`: all commands under one name, each loaded when it is asked for."""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App

from flows.cli import app as commands
from flows.cli.help import command_app
from tasks.config.commands import PROGRAM

COMMANDS = {
    "train": ("train:app", "Train the sentiment network on movie reviews."),
    "check-network": ("train:check", "Try a network of your own on made-up reviews."),
    "label-next": ("train:label_next_app", "Choose the texts to label next."),
    "label-errors": ("train:label_errors_app", "List training labels that are likely wrong."),
    "retrain": ("retrain:app", "Retrain once, now, as the schedule does."),
    "serve": ("serve:app", "Retrain and maintain on a schedule."),
    "predict": ("predict:app", "Predict the sentiment of texts."),
    "runs": ("runs:app", "List, show, name, chart, compare, pin and export finished runs."),
    "compare": ("runs:compare", "Compare runs: what differs, scores, paired tests."),
    "promote": ("promote:promote_command", "Make a run the champion if it passes all gates."),
    "rollback": ("promote:rollback_command", "Make an earlier champion the champion again."),
    "champion": ("promote:champion", "Say which run is the champion."),
    "history": ("promote:history", "List all promotions, refusals and rollbacks."),
    "verify": ("verify:verify_app", "Check a run's files, and repeat it to compare its results."),
    "explain": ("verify:explain_app", "Show why each step of a run was cached or computed."),
    "seeds": ("experiments:seeds_app", "Train with several seeds, under both protocols."),
    "ablation": ("experiments:ablation_app", "Train with other tokens and other words."),
    "sweep": ("experiments:sweep_app", "Search for better numbers on the validation reviews."),
    "maintain": ("maintain:app", "Remove what nobody needs any more."),
    "server": ("server:set_up_app", "Set up a Prefect server to run unattended."),
    "worker": ("server:worker_app", "Run what is due in a work pool."),
}
"""Where in `flows.cli` each command is, and what the list of all says of it."""


def program(words: Sequence[str]) -> App:
    """Return the program; the words of its command line say whether all commands are listed."""
    app = command_app(
        PROGRAM,
        "Train, judge, promote and use networks that tell the sentiment of texts. What a command"
        f" does and takes: {PROGRAM} COMMAND --help.",
    )
    app.version_flags = ("--version",)
    app.version = lambda: version("sentiment-training-pipeline")
    app.register_install_completion_command(help="Complete commands and options in this shell.")
    listed = not any(word in COMMANDS for word in words)
    for place, (name, (target, sentence)) in enumerate(COMMANDS.items()):
        # A command that runs says for itself what it is; the list imports none.
        app.command(
            f"flows.cli.{target}", name=name, help=sentence if listed else None, sort_key=place
        )
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command of the program; those of this process by default."""
    words = sys.argv[1:] if arguments is None else arguments
    commands.main(program(words), words)
