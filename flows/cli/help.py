"""The help of the commands: the options that most people need, or all of them in working order."""

import re
from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Group, Parameter
from cyclopts.help import HelpEntry, HelpPanel
from rich.console import Console, ConsoleOptions
from rich.text import Text

from tasks.config.commands import PROGRAM, SCRIPTS, spelled

WHOLE = "--help-all"

_INDENT = 26
_WIDEST = 100
_KINDS = {
    "STR": "TEXT",
    "STR...": "TEXT",
    "STR|PATH": "FILE",
    "INT": "N",
    "FLOAT": "NUMBER",
    "TIMEDELTA": "DURATION",
}
"""What a value is called, where its type has another name."""

_UNSAID = (None, "None", "False", "()", '""')

OWN, DATA, RECIPE, NETWORK, TRAINING, EVALUATION, PROMOTION, DRIFT, MAINTENANCE, RUNNING = (
    Group(name, sort_key=place)
    for place, name in enumerate(
        (
            "This command",
            "Data",
            "Recipe",
            "Network",
            "Training",
            "Evaluation",
            "Promotion",
            "Drift",
            "Maintenance",
            "Running",
        )
    )
)
"""The groups of options, in the order in which a training is thought through."""


RunName = Annotated[
    str, Parameter(help="A run's folder, id, start or last part of an id, name, or latest.")
]
"""How a user names a run."""


@dataclass
class Help:
    """Shows a command's help: all options, or the `first` ones where others can wait."""

    first: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    """Words of a command, and what it does."""
    whole: bool = False

    def render_usage(self, console: Console, options: ConsoleOptions, usage: object) -> None:
        """Print how the command is called, as this process was started."""
        name, *words = str(usage).split()
        if name in SCRIPTS:
            name = spelled(name)
        elif name != PROGRAM:
            name = f"python flows/{name}"
        _print(console, options, Text(" ".join([f"Usage: {name}", *words]), "bold"))

    def render_description(
        self, console: Console, options: ConsoleOptions, description: object
    ) -> None:
        """Print what the command does, and the examples."""
        for paragraph in _plain(description).strip().split("\n\n"):
            console.print()
            _print(console, options, Text(" ".join(paragraph.split())))
        if self.examples:
            console.print()
        for words, what in self.examples:
            _print(console, options, Text(f"  {what}:"))
            console.print(Text(f"    {spelled(words)}", "green"), soft_wrap=True)

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print one group of options, or the list of commands."""
        shown, title = panel.entries, str(panel.title).replace("Parameters", "Options")
        if self.first and not self.whole:
            places = {name: place for place, name in enumerate(self.first)}
            shown = [one for one in shown if one.all_options[0] in places]
            shown.sort(key=lambda one: places[one.all_options[0]])
            began = shown and shown[0].all_options[0] == self.first[0]
            title = f"Options most people need; {WHOLE} shows all" if began else ""
        if shown and title:
            console.print(Text(f"\n{title}", "bold"))
        for entry in shown:
            _print_option(console, options, entry)


def command_app(
    name: str,
    sentence: str | None = None,
    first: tuple[str, ...] = (),
    examples: tuple[tuple[str, str], ...] = (),
) -> App:
    """Return an app whose help shows the `first` options only, where there are such."""
    flags = ("--help", "-h", WHOLE)
    app = App(
        name=name,
        help=sentence,
        help_flags=flags,
        help_format="plaintext",
        help_formatter=Help(first, examples),
        version_flags=[],
    )
    for flag in flags:
        app[flag].show = False
    return app


def _plain(said: object) -> str:
    """Return the text that cyclopts has made ready to be shown."""
    inner = getattr(said, "primary_renderable", said)
    return inner.plain if isinstance(inner, Text) else ""


def _print(console: Console, options: ConsoleOptions, text: Text) -> None:
    for line in text.wrap(console, min(options.max_width, _WIDEST)):
        line.rstrip()
        console.print(line, soft_wrap=True)


def _print_option(console: Console, options: ConsoleOptions, entry: HelpEntry) -> None:
    """Print how an option is given and, beside or below that, what it means."""
    width = min(options.max_width, _WIDEST)
    name = Text(f"  {', '.join(entry.display_labels)}", "cyan")
    text = Text(" ".join(_plain(entry.description).split()))
    kind = _KINDS.get(entry.metavar or "", entry.metavar)
    if entry.choices and name.cell_len + len("|".join(entry.choices)) < width:
        kind = "|".join(entry.choices)
    elif entry.choices:
        text.append(f" One of {', '.join(entry.choices)}.")
    if kind and not entry.positional_label:
        name.append(f" {kind}")
    lines = [*text.wrap(console, width - _INDENT)] or [Text()]
    if entry.default not in _UNSAID:
        value = re.sub(r"^True$", "yes", re.sub(r"[(),']", "", entry.default or ""))
        default = Text(f"[default: {value}]", "dim")
        if lines[-1].cell_len + 1 + default.cell_len > width - _INDENT:
            lines.append(Text())
        lines[-1].rstrip()
        lines[-1].append(" " * bool(lines[-1])).append_text(default)
    if name.cell_len > _INDENT - 2:
        console.print(name, soft_wrap=True)
        name = Text()
    for line in lines:
        line.rstrip()
        name.pad_right(_INDENT - name.cell_len)
        name.append_text(line).rstrip()
        console.print(name, soft_wrap=True)
        name = Text()
