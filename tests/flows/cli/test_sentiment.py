"""The program `sentiment`, and that it works from a wheel, outside any checkout."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.cli.sentiment import COMMANDS, main
from tasks.config.commands import SCRIPTS, spelled
from tests.support.commands import imported_by
from tests.support.polling import wait_for
from tests.support.servers.prefect_home import prefect_environment, prepare_home
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NGRAMS

ROOT = Path(__file__).parents[3]

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_commands_of_the_program_are_the_scripts() -> None:
    assert set(COMMANDS) == set(SCRIPTS)
    scripts = {words.split()[0] for words in SCRIPTS.values()}
    assert scripts == {file.name for file in (ROOT / "flows").glob("[!_]*.py")}


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("flows/runs.py", "python flows/promote.py promote RUN"),
        ("/usr/bin/sentiment", "sentiment promote RUN"),
    ],
)
def test_the_next_command_is_spelled_as_this_one_was(
    monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert spelled("promote RUN") == said


def test_the_help_of_no_command_imports_what_is_heavy() -> None:
    code = "from flows.cli.sentiment import COMMANDS, main\n"
    code += "for name in COMMANDS: main([name, '--help'])"
    heavy = {"prefect", "tensorflow", "keras", "scipy", "sklearn", "matplotlib", "mlflow"}
    assert not heavy & imported_by(code)


def test_the_list_of_all_loads_no_command() -> None:
    code = "from flows.cli.sentiment import main\nmain(['--help'])\nmain(['--version'])\n"
    code += "import sys; assert not {'flows.cli.train', 'flows.cli.runs'} & sys.modules.keys()"
    assert "cyclopts" in imported_by(code)


def test_the_list_names_each_command_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in COMMANDS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the program of an environment that has the wheel, and sees what the tests see."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("flows", "tasks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    made = ["wheel", *offline, "--no-build-isolation", f"--wheel-dir={folder}", str(source)]
    subprocess.run([*pip, *made], check=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    subprocess.run([*pip, f"--python={python}", "install", *offline, str(wheel)], check=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    # Not their .pth files, one of which names this checkout.
    seen = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (own / "tests.pth").write_text("\n".join(seen))
    shutil.rmtree(source)
    yield environment / "bin/sentiment"
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Elsewhere:
    """The installed program in a folder that is no checkout."""

    program: Path
    folder: Path
    environment: dict[str, str]

    def says(self, *words: str) -> str:
        """Return what a command prints that succeeds."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def elsewhere(program: Path, folder: Path, **own: str) -> Elsewhere:
    prepare_home(folder / "home")
    environment = prefect_environment(folder / "home", CUDA_VISIBLE_DEVICES="-1", **own)
    environment.pop("PYTHONPATH", None)
    return Elsewhere(program, folder, environment)


def test_a_wheel_brings_the_program(installed: Path, tmp_path: Path) -> None:
    program = elsewhere(installed, tmp_path)
    assert program.says("--version") == f"{VERSION}\n"
    assert "--recipe" in program.says("train", "--help")
    none = "no runs in artifacts/runs; make one with: sentiment train\n"
    assert program.says("runs", "list") == none
    assert "ngrams_tail" in program.says("train", "--list-recipes")


@pytest.mark.slow
def test_from_a_wheel_it_trains_predicts_and_serves_in_any_folder(
    installed: Path, tmp_path: Path, prefect_server: str
) -> None:
    api = {"PREFECT_API_URL": prefect_server, "PREFECT_RUNNER_POLL_FREQUENCY": "2"}
    program = elsewhere(installed, tmp_path, **api)
    write_reviews(tmp_path / "reviews.csv", 120)
    small = ["--train-file=reviews.csv", *SMALL_NGRAMS, "--epochs=1", "--batch-size=16"]
    assert "Report: artifacts/runs/" in program.says("train", *small)
    assert "lovely" in program.says("predict", "a lovely film")
    assert "All 2" in program.says("verify", "latest", "--files")
    assert "Report: " in program.says("retrain", *small, "--force")
    with (tmp_path / "serve.log").open("w") as log:
        serve = [str(installed), "serve", *small, "--no-promote", "--interval=5s"]
        served = subprocess.Popen(
            serve, cwd=tmp_path, env=program.environment, stdout=log, stderr=log
        )
    try:
        unchanged = "nothing has changed since run"
        wait_for(lambda: unchanged in (tmp_path / "serve.log").read_text() or served.poll())
    finally:
        served.terminate()
        assert served.wait(120) == 0, (tmp_path / "serve.log").read_text()
    assert len([*(tmp_path / "artifacts/runs").iterdir()]) == 2
