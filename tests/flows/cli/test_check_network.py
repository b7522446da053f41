import shutil
from pathlib import Path

import pytest

from flows.cli import train
from flows.cli.app import main
from tasks.check_network import tried_guarantees
from tasks.config.training import OwnNetworkConfig

pytestmark = pytest.mark.usefixtures("nothing_trusted")

EXAMPLES = sorted((Path(__file__).parents[3] / "examples/networks").glob("*.py"))

SHORTEST = EXAMPLES[0].parent / "mean_of_words.py"

LAST = "            layers.GlobalAveragePooling1D(),"


def changed(folder: Path, line: str, head: str = "") -> str:
    """Return the shortest example with a line more, in a file of its own."""
    source = SHORTEST.read_text()
    assert LAST in source
    file = folder / "my_net.py"
    file.write_text(head + source.replace(LAST, f"            {line},\n{LAST}"))
    return f"{file}:build"


def require_all_holds(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(train.app, ["check-network", network])
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line.startswith("holds  ")]
    assert len(lines) == 7
    assert any(line.startswith("holds  killed by SIGKILL, resumes bit for bit") for line in lines)
    assert shown.splitlines()[-1] == f"{network} holds all that is promised of a network."


def test_all_holds_for_a_network_with_a_random_layer_from_a_module_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(SHORTEST.parent / "bidirectional_lstm.py", tmp_path)
    head = "from bidirectional_lstm import WordDropout\n"
    require_all_holds(changed(tmp_path, "WordDropout(0.1)", head), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_all_holds_for_each_example(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require_all_holds(f"{file}:build", capsys)


def test_what_does_not_hold_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(train.app, ["check-network", changed(tmp_path, "layers.Lambda(lambda x: x)")])
    assert ended.value.code == 1
    shown, error = capsys.readouterr()
    assert "FAILS  built for three labels, and read again" in shown
    assert "does not hold all that is promised" in error
    assert "Traceback" not in error


def test_a_layer_that_passes_on_no_gradient_is_found(tmp_path: Path) -> None:
    stopped = changed(tmp_path, "layers.Dense(1, trainable=False, kernel_initializer='zeros')")
    found = tried_guarantees(OwnNetworkConfig(network=stopped), 48)
    heart = next(one for one in found if one.name == "learns one batch by heart")
    assert not heart.holds
    assert heart.seen.endswith("look for a layer that passes on no gradient")


def test_reviews_are_as_long_as_the_network_needs(tmp_path: Path) -> None:
    wide = OwnNetworkConfig(network=changed(tmp_path, "layers.Conv1D(4, 60)"))
    short, long = (next(iter(tried_guarantees(wide, maxlen))) for maxlen in (48, 90))
    assert "cannot be built: ValueError" in short.seen
    assert (short.holds, long.holds) == (False, True), long.seen


def test_a_length_that_there_is_not_is_refused_by_its_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(train.app, ["check-network", f"{SHORTEST}:build", "--maxlen=0"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == 'error: Invalid value "0" for --maxlen. Must be >= 1.\n'
