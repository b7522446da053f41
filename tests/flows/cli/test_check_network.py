from pathlib import Path

import pytest

from flows.cli import train
from flows.cli.app import main

pytestmark = pytest.mark.usefixtures("nothing_trusted")

EXAMPLES = sorted((Path(__file__).parents[3] / "examples/networks").glob("*.py"))

QUICKEST = "mean_of_words"


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=file.stem, marks=[] if file.stem == QUICKEST else [pytest.mark.slow])
        for file in EXAMPLES
    ],
)
def test_all_holds_for_each_example(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(train.app, ["check-network", f"{file}:build"])
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line.startswith("holds  ")]
    assert len(lines) == 7
    assert any(line.startswith("holds  killed by SIGKILL, resumes bit for bit") for line in lines)
    assert shown.splitlines()[-1] == f"{file}:build holds all that is promised of a network."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "            layers.Lambda(lambda x: x),",
            "FAILS  built for three labels, and read again",
        ),
        (
            "            layers.Dense(1, trainable=False, kernel_initializer='zeros'),",
            "look for a layer that passes on no gradient",
        ),
    ],
)
def test_what_does_not_hold_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    (example,) = (file for file in EXAMPLES if file.stem == QUICKEST)
    file = tmp_path / "my_net.py"
    place = "            layers.Dense(data.outputs"
    source = example.read_text()
    assert place in source
    file.write_text(source.replace(place, f"{line}\n{place}"))
    with pytest.raises(SystemExit) as ended:
        main(train.app, ["check-network", f"{file}:build"])
    assert ended.value.code == 1
    shown, error = capsys.readouterr()
    assert said in shown
    assert "does not hold all that is promised" in error
    assert "Traceback" not in error
