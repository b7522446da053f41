"""What the commands that train many times understand, and refuse before anything starts."""

from functools import partial

import pytest

from flows.cli.experiments import ablation_app, seeds_app, sweep_app
from tasks.config.experiments import AblationConfig
from tests.support.commands import parameters, refusal

COMMANDS = {"seeds": seeds_app, "ablation": ablation_app, "sweep": sweep_app}


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        *((name, "--source auto", "--source auto: must be") for name in COMMANDS),
        *((name, "--address tcp://h:1", "needs --runner dask or 'ray'") for name in COMMANDS),
        ("seeds", "--seeds 0", "--seeds 0: must be greater than or equal to 1"),
        ("seeds", "--protocols honest --protocols honest", "must name each one once"),
        ("seeds", "--recipe best", "--recipe best: must be"),
        ("ablation", "--seeds 0", "--seeds 0: must be greater than or equal to 1"),
        ("ablation", "--tokens middle-200", "--tokens middle-200: must be last-N, first-N, or N+M"),
        ("ablation", "--tokens last-200 --tokens last-200", "must name each one once"),
        ("ablation", "--tokens first-5", "--maxlen 5: must be at least 8"),
        ("ablation", "--words 3", "must be greater than or equal to 4"),
        ("ablation", "--truncating middle --maxlen 60", "--head 64: must be less than 60 (maxlen)"),
        ("sweep", "--trials 0", "--trials 0: must be greater than or equal to 1"),
        ("sweep", "--minutes 0", "--minutes 0: must be greater than 0"),
        ("sweep", "--study a/b", "--study a/b: "),
        ("sweep", "--storage mysql://h/d", "--storage mysql://h/d: "),
        ("sweep", "--storage postgresql://u:secret@h/d", "storage: must not hold a password"),
        ("sweep", "--space missing.toml", "missing.toml: cannot be read"),
        ("sweep", "--protocol tutorial", "--protocol tutorial: must be 'honest'"),
        ("sweep", "--objective accuracy", "objective"),
    ],
)
def test_what_is_impossible_is_refused_before_it_starts(
    name: str, words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, shown = refusal(partial(parameters, COMMANDS[name]), words, capsys)
    assert status == (1 if "missing" in words else 2)
    assert sentence in shown
    assert "secret" not in shown


def test_options_are_the_parameters_of_the_flow() -> None:
    words = ["--recipe", "ngrams", "--tokens", "100+700", "--words", "5000", "--seeds", "3"]
    asked = parameters(ablation_app, words)
    assert asked["config"].text.maxlen == 800
    assert asked["ablation"] == AblationConfig(tokens=("100+700",), words=(5000,), seeds=3)
    assert asked["artifacts"].is_absolute()
    assert asked["artifacts"].name == "artifacts"
