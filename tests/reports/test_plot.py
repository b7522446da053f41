import json
from pathlib import Path

import pytest

from tasks.reports.plot import plot_history
from tests.support.made_runs import HISTORY


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(HISTORY))
    return path


def test_four_files_of_twelve_by_six_inches_are_drawn(history: Path, tmp_path: Path) -> None:
    import matplotlib.image

    folder = tmp_path / "figures"
    plot_history(history, "honest", folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"loss.png", "loss.svg", "accuracy.png", "accuracy.svg"}
    assert matplotlib.image.imread(folder / "loss.png").shape[:2] == (600, 1200)


def test_the_charts_look_as_the_tutorials(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.colors import same_color

    from tasks.reports import plot as module
    from tasks.reports.style import TUTORIAL_BLUE, TUTORIAL_RED

    drawn = {}
    monkeypatch.setattr(module, "_save", lambda figure, path: drawn.update({path.name: figure}))
    plot_history(history, "honest", Path("unused"))
    for name, colour in (("loss", TUTORIAL_BLUE), ("accuracy", TUTORIAL_RED)):
        axes = drawn[name].axes[0]
        training, validation = axes.lines
        assert axes.get_title() == f"Training and validation {name}"
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epochs", name.capitalize())
        assert same_color(training.get_color(), colour)
        assert (training.get_marker(), training.get_linestyle()) == ("o", "None")
        assert same_color(validation.get_color(), colour)
        assert (validation.get_marker(), validation.get_linestyle()) == ("None", "-")
        assert list(training.get_ydata()) == HISTORY[name]
        assert list(validation.get_ydata()) == HISTORY[f"val_{name}"]
        assert len(axes.get_legend().get_texts()) == 2


def test_equal_histories_give_equal_bytes_and_no_open_figure(history: Path, tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    for folder in ("a", "b"):
        plot_history(history, "honest", tmp_path / folder)
    for name in ("loss.png", "loss.svg", "accuracy.png", "accuracy.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert plt.get_fignums() == before


def test_the_charts_have_no_ground_and_as_svg_the_tutorials_colours_by_day(
    history: Path, tmp_path: Path
) -> None:
    import matplotlib.image

    plot_history(history, "honest", tmp_path / "figures")
    picture = matplotlib.image.imread(tmp_path / "figures/loss.png")
    assert picture.shape[2] == 4
    assert picture[0, 0, 3] == picture[300, 5, 3] == 0
    for name, colour in (("loss", "#0000ff"), ("accuracy", "#ff0000")):
        style = (tmp_path / f"figures/{name}.svg").read_text().partition("</style>")[0]
        assert colour in style.partition("@media(prefers-color-scheme:dark)")[0]
