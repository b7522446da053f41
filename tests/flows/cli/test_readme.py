"""What the README and the page of all commands say must be so: commands, options and files."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import webbrowser
from pathlib import Path

import pytest

from flows.cli import (
    experiments,
    maintain,
    predict,
    promote,
    retrain,
    runs,
    serve,
    server,
    train,
    verify,
)
from flows.cli.app import main, run_command
from tasks.config.commands import SCRIPTS
from tasks.record_run import RUN_FILES
from tests.support.commands import read_options
from tests.support.faults.injection import STEPS
from tests.support.made_models import make_model_run
from tests.support.made_runs import FIRST, SECOND
from tests.support.promotions import make_challenger, quick, run_id
from tests.support.review_samples import write_file
from tests.support.servers.prefect_home import prefect_environment
from tests.support.small_run import write_reviews

ROOT = Path(__file__).parents[3]

README = (ROOT / "README.md").read_text(encoding="utf-8")

PAGE = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def commands_of(text: str) -> list[str]:
    return [
        line.split("#")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]


COMMANDS = commands_of(PAGE)


def own_network() -> str:
    """Return the file of a network with the options that the pages give."""
    network = (ROOT / "examples/networks/text_cnn.py").read_text()
    return network.replace("filters: int", "units: int = 3, filters: int")


TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")

OTHERS = [
    (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    for page in ("own_network", "label_errors", "probabilities")
]

SHORT = [
    command
    for text in (README, TUTORIAL, *OTHERS)
    for command in commands_of(text)
    if command.startswith("sentiment ")
]
"""The commands of the README, its table, and the pages that have the program's own names."""

SHORT += re.findall(r"\| `(sentiment .*?)` \|", README)

OPERATIONS = [
    command
    for page in ("ablation", "cluster", "operations", "scheduling", "seeds", "sweep")
    for command in re.findall(
        r"^python flows/.*$", (ROOT / f"docs/{page}.md").read_text(encoding="utf-8"), re.MULTILINE
    )
]

ANSWERS = ("--plan", "--help", "--list-recipes")

LABELS = ("label-errors", "label-next")

RUNS = "python flows/runs.py"

PREDICT = "python flows/predict_flow.py"

PROMOTE = "python flows/promote.py"


def test_the_readmes_two_commands_are_what_ci_runs_and_the_main_job() -> None:
    assert commands_of(README)[:2] == ["make train", "make test"]
    assert README.count("\n") <= 100
    assert "make test" in (ROOT / ".ci/run").read_text()
    dry = ["make", "--dry-run", "VENV=missing-environment"]
    train = subprocess.run([*dry, "train"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "-m venv missing-environment" in train.stdout
    assert "pip install" in train.stdout
    assert "flows/train_flow.py" in train.stdout
    test = subprocess.run([*dry, "test"], capture_output=True, text=True, check=True, cwd=ROOT)
    for tool in ("-m venv", "pip install", "ruff format --check", "ruff check", "mypy", "pytest"):
        assert tool in test.stdout


def test_the_korean_pages_have_the_same_commands() -> None:
    for page, text in (("README.ko.md", README), ("docs/tutorial.ko.md", TUTORIAL)):
        korean = (ROOT / page).read_text(encoding="utf-8")
        assert commands_of(korean) == commands_of(text)
        assert re.findall(r"`([^`]+)` \|", korean) == re.findall(r"`([^`]+)` \|", text)


def test_every_command_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["text,label,written", "a fine film,good,2026-01-05", "a dull film,bad,2026-01-05"]
    for name in ("reviews", "train", "test"):
        Path(f"{name}.csv").write_text("\n".join(lines) + "\n")
    for name in ("label_errors", "fixes"):
        Path(f"{name}.csv").write_text("row,label,fix\n")
    Path("my_net.py").write_text(own_network())
    make_model_run(Path("artifacts"))
    assert COMMANDS[0] == "source .venv/bin/activate"
    known = {
        "flows/explain_run.py": verify.explain_app,
        "flows/verify_run.py": verify.verify_app,
        "flows/runs.py": runs.app,
        "flows/promote.py": promote.app,
        "flows/maintain_flow.py": maintain.app,
        "flows/set_up_server.py": server.set_up_app,
        "flows/predict_flow.py": predict.app,
        "flows/worker.py": server.worker_app,
    }
    read = {
        "flows/train_flow.py": train.app,
        "flows/serve_flow.py": serve.app,
        "flows/retrain_flow.py": retrain.app,
        "flows/seeds_flow.py": experiments.seeds_app,
        "flows/ablation_flow.py": experiments.ablation_app,
        "flows/sweep_flow.py": experiments.sweep_app,
    }
    scripts = []
    for command in SHORT:
        _, name, *words = shlex.split(command)
        scripts.append(shlex.join(["python", *f"flows/{SCRIPTS[name]}".split(), *words]))
    assert len(scripts) == 46
    for command in [*COMMANDS[1:], *scripts, *OPERATIONS]:
        python, script, *arguments = shlex.split(command)
        assert python == "python"
        at_once = {"check-network", "--debug", *LABELS} & set(arguments)
        if script in read and not at_once:
            assert run_command(read[script], arguments) or arguments[-1] in ANSWERS
            continue
        (known | read)[script].parse_args(arguments, exit_on_error=False, print_error=False)


@pytest.mark.slow
def test_the_commands_of_the_readme_work_one_after_another(
    prefect_server: str, tmp_path: Path
) -> None:
    head, *rows = write_reviews(tmp_path / "reviews.csv", 400).read_text().splitlines()
    dated = [
        f"{row},{'2025-12-01' if place < 350 else '2026-02-01'}" for place, row in enumerate(rows)
    ]
    (tmp_path / "reviews.csv").write_text("\n".join([f"{head},written", *dated, ""]))
    for seed, name in enumerate(("train", "test", "new"), start=1):
        write_reviews(tmp_path / f"{name}.csv", 300, seed)
    (tmp_path / "my_net.py").write_text(own_network())
    environment = prefect_environment(
        tmp_path / "home", PREFECT_API_URL=prefect_server, PYTHONPATH=str(ROOT), BROWSER="true"
    )
    for command in SHORT:
        words = shlex.split(command.replace("--source packaged", "--train-file reviews.csv"))[1:]
        if words[0] == "serve":
            continue  # until it is stopped: tests/flows/scheduling/test_serve.py
        if "RUN" in words:
            (first, *_) = sorted(path.name for path in (tmp_path / "artifacts/runs").iterdir())
            words[words.index("RUN")] = first
        fewer = {"sweep": ["--trials=2", "--epochs=1"], "promote": ["--fewest-reviews=10"]}
        words = [word for word in words if word not in ("--trials", "20")] + fewer.get(words[0], [])
        ended = subprocess.run(
            [sys.executable, "-c", "from flows.cli.sentiment import main; main()", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        may_be_refused = words[0] in ("promote", "rollback")  # a model of so few reviews
        assert ended.returncode in (0, int(may_be_refused)), (command, ended.stderr)
        assert "Traceback" not in ended.stderr, (command, ended.stderr)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(RUNS)])
def test_each_command_about_runs_works(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    for name in (FIRST, SECOND):
        made = make_model_run(Path("artifacts"), name)
        (made.folder / "report.html").write_text("a report")
    main(runs.app, shlex.split(command.removeprefix(RUNS).replace("RUN", FIRST)))
    assert capsys.readouterr().out


def test_the_commands_about_predictions_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_model_run(Path("artifacts"))
    main(runs.app, ["export", "bundle", "latest", "bundle.zip"])
    for name in ("reviews.csv", "reviews.jsonl"):
        write_file(Path(name), {"text": ["fine", "dull"]})
    commands = [command for command in COMMANDS if command.startswith(PREDICT)]
    for command in commands:
        subprocess.run(
            [sys.executable, ROOT / "flows/predict_flow.py", *shlex.split(command)[2:]], check=True
        )
    assert len(commands) == 3
    assert Path("predictions.parquet").is_file()


def test_the_commands_about_the_champion_work_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "tasks.registry.ask_model.ask_model", lambda run, config, **_: quick(run, config)
    )
    for number, right in ((1, 36), (2, 37)):
        make_challenger(Path("artifacts"), number, right)
    commands = [command for command in COMMANDS if command.startswith(PROMOTE)]
    for command in commands:
        words = command.removeprefix(PROMOTE).replace("RUN", run_id(1))
        # For want of 25,000 reviews, and of models that are not always sure.
        gates = " --fewest-reviews 1 --largest-calibration-error 1"
        more = gates if words.startswith(" promote ") else ""
        main(promote.app, shlex.split(words.replace("0.005", "0.1") + more))
        assert capsys.readouterr().out
    assert len(commands) == 5
    pointer = json.loads(Path("artifacts/champion.json").read_text())
    assert pointer["run_id"] == run_id(1)


def test_each_option_that_is_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(["--help-all"])
    main(runs.app, ["list", "--help"])
    main(runs.app, ["export", "bundle", "--help"])
    main(promote.app, ["promote", "--help"])
    main(promote.app, ["rollback", "--help"])
    maintain.app(["--help"], result_action="return_value")
    server.set_up_app(["--help"], result_action="return_value")
    predict.app(["--help"], result_action="return_value")
    shown = capsys.readouterr().out
    assert [
        option for option in re.findall(r"`(--[a-z-]+)`", README + PAGE) if option not in shown
    ] == []


def test_every_file_of_a_run_folder_is_described() -> None:
    files = (
        *RUN_FILES,
        "report.html",
        "model_card.md",
        "config.json",
        "manifest.json",
        "manifest.sha256",
    )
    folders = {name.split("/")[0] + ("/" if "/" in name else "") for name in files}
    assert [name for name in folders if f"`{name}`" not in PAGE] == []


def test_every_dependency_is_pinned_exactly_and_no_address_is_in_the_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.match(r"^[A-Za-z0-9_.\-\[\]]+==[^ ]+( ; .+)?$", line) for line in lines)
    pinned = {line.split("==")[0] for line in lines}
    assert {"tensorflow", "keras", "prefect", "fastapi", "sqlalchemy", "numpy"} <= pinned


def hashed_pins(file: str = "requirements.txt") -> dict[str, set[str]]:
    """Return the hashes of each `name==version` in a file, by itself what the main job needs."""
    text = (ROOT / file).read_text().replace(" \\\n", " ")
    pins = {
        line.split()[0]: set(re.findall(r"--hash=sha256:(\w{64})", line))
        for line in text.splitlines()
    }
    assert "://" not in text
    return pins


def test_all_that_the_main_job_needs_is_pinned_with_hashes() -> None:
    pins = hashed_pins()
    assert all(pins.values())
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert set(pins) <= {line.split()[0] for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    assert needed <= {pin.split("==")[0] for pin in pins}


def pythons(folder: Path, **supported: bool) -> None:
    """Write programs into `folder` that tell, as a Python would, whether they are supported."""
    for name, usable in supported.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!/bin/sh\nexit {int(not usable)}\n")
        program.chmod(0o755)


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `make` in `folder`, with the repository's Makefile and no other programs than there."""
    for file in ("Makefile", "pyproject.toml", "requirements.txt"):
        (folder / file).symlink_to(ROOT / file)
    command = [shutil.which("make") or "make", *words]
    shell = {"PATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=shell, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("given", "installers"),
    [
        ([], [".venv/bin/uv", "pip"]),
        (["UV=/usr/bin/uv"], ["/usr/bin/uv", "pip"]),
        (["UV="], ["pip"]),
    ],
)
def test_the_set_up_asks_uv_first_and_pip_where_that_cannot(
    tmp_path: Path, given: list[str], installers: list[str]
) -> None:
    (pin,) = hashed_pins("deploy/uv.txt").items()
    assert pin[0].startswith("uv==")
    assert pin[1]
    lines = make(tmp_path, "-n", ".venv/.can-train", *given).stdout.splitlines()
    assert any("deploy/uv.txt" in line for line in lines) == (installers[0] == ".venv/bin/uv")
    (install,) = [line for line in lines if "-r requirements.txt" in line]
    asked = [part.split()[0] for part in install.split(" || ")]
    assert asked == [name.replace("pip", ".venv/bin/python") for name in installers]


def test_the_set_up_takes_a_python_that_the_project_supports(tmp_path: Path) -> None:
    pythons(tmp_path, python3=False, python3_13=False, python3_12=True, python3_11=True)
    said = make(tmp_path, "-n", ".venv/.can-train").stdout
    assert "\npython3.12 -m venv .venv\n" in said


def test_an_unsupported_python_is_told_before_an_environment_is_made_of_it(tmp_path: Path) -> None:
    pythons(tmp_path, python3=False)
    done = make(tmp_path, "setup")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        "python3 is not Python 3.11 to 3.13: install one, and give it as in"
        " `make PYTHON=python3.13`"
    )
    assert not (tmp_path / ".venv").exists()


def test_the_pythons_of_the_set_up_are_those_of_the_package() -> None:
    supported = re.search(r"^SUPPORTED := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert supported is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least, above = (int(part.split(".")[1]) for part in project["requires-python"].split(","))
    for minor in range(least - 1, above + 2):
        told = supported[1].replace("sys.version_info[:2]", f"(3, {minor})")
        usable = subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
        assert usable == (least <= minor < above)


@pytest.mark.slow
def test_the_list_of_components_names_each_with_its_hashes(tmp_path: Path) -> None:
    places = [f"SBOM={tmp_path}/sbom.json", f"VENV={tmp_path}/env", f"PYTHON={sys.executable}"]
    subprocess.run(["make", "sbom", *places], cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "sbom.json").read_bytes())
    assert found["bomFormat"] == "CycloneDX"
    listed = {
        f"{one['name']}=={one['version']}": {
            given["content"] for origin in one["externalReferences"] for given in origin["hashes"]
        }
        for one in found["components"]
    }
    assert listed == hashed_pins()


def test_the_table_of_faults_has_two_hundred_kills_of_all_steps_and_no_lost_result() -> None:
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|*]+) \| (\d+ \| \d+ \| \d+) \|$", text, re.MULTILINE))
    counts = {fault: [int(part) for part in row.split(" | ")] for fault, row in rows.items()}
    kills = {fault: row for fault, row in counts.items() if fault.startswith("kill -9 in ")}
    assert {fault.removeprefix("kill -9 in ") for fault in kills} == set(STEPS)
    assert sum(injected for injected, _, _ in kills.values()) >= 200
    assert all(injected == survived for injected, survived, _ in counts.values())
    assert all(lost == 0 for _, _, lost in counts.values())
