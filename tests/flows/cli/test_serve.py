import inspect
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.deployments.runner import RunnerDeployment
from pydantic import TypeAdapter, ValidationError

from flows.cli.serve import app
from flows.pipelines.maintain import maintain_flow
from flows.pipelines.retrain import retrain_flow
from flows.pipelines.serve import deployments
from flows.pipelines.train import train_flow
from flows.pipelines.train_form import train_from_form
from tasks.config.run_form import RunForm
from tasks.config.schedule import ScheduleConfig
from tests.support.commands import parameters, refusal, run_script
from tests.support.small_run import write_reviews

ROOT = Path(__file__).parents[3]

FILES = ["--source=files", "--train-file=reviews.csv", "--accelerator=cpu"]


def schedule_of(deployment: RunnerDeployment) -> Any:
    """Return the only schedule of a deployment."""
    assert deployment.schedules is not None
    (made,) = deployment.schedules
    return made.schedule


def test_what_is_served_has_schedules_one_run_at_a_time_and_pinned_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv", 20)
    words = ["--seed=7", "--interval=6h", "--overlap=queue", "--maintain.cron=0 5 * * *"]
    options = parameters(app, [*FILES, *words])
    retraining, maintenance, *_ = deployments(options)
    assert schedule_of(retraining).interval == timedelta(hours=6)
    assert retraining.concurrency_options is not None
    assert retraining.concurrency_options.collision_strategy == "ENQUEUE"
    assert (retraining.concurrency_limit, maintenance.concurrency_limit) == (1, 1)
    assert retraining.parameters["config"].source.train_file == tmp_path / "reviews.csv"
    assert retraining.parameters["config"].fit.seed == 7
    assert retraining.parameters["artifacts"] == tmp_path / "artifacts"
    assert set(retraining.parameters) >= {"promotion", "drift", "accelerator"}
    assert schedule_of(maintenance).cron == "0 5 * * *"
    assert maintenance.parameters["apply"] is True
    assert maintenance.parameters["artifacts"] == tmp_path / "artifacts"


def test_without_options_it_retrains_at_three_and_maintains_on_sundays_in_utc() -> None:
    retraining, maintenance, *_ = deployments(parameters(app, ["--accelerator=cpu"]))
    assert schedule_of(retraining).cron == "0 3 * * *"
    assert schedule_of(retraining).timezone == "UTC"
    assert retraining.concurrency_options is not None
    assert retraining.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert retraining.parameters["config"].source.source == "imdb"
    assert schedule_of(maintenance).cron == "0 12 * * SUN"
    assert not maintenance.paused


def test_the_forms_propose_what_is_scheduled_and_promote_nothing_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv", 20)
    words = ["--recipe=ngrams", "--seed=7", "--floor=0.5"]
    *_, simple, expert = deployments(parameters(app, [*FILES, *words]))
    assert (simple.full_name, expert.full_name) == (
        "train-sentiment/simple",
        "train-sentiment/expert",
    )
    given = simple.parameters
    assert given["gates"].floor == 0.5
    assert given["artifacts"] == expert.parameters["artifacts"] == tmp_path / "artifacts"
    form = RunForm(**{name: given[name] for name in RunForm.model_fields})
    assert form == RunForm(recipe="ngrams", reviews=str(tmp_path / "reviews.csv"), seed=7)
    assert form.config() == expert.parameters["config"]
    assert not {"promotion", "promote"} & set(expert.parameters)
    assert not simple.schedules
    assert not expert.schedules
    for one in (simple, expert):
        assert one.concurrency_options is not None
        assert one.concurrency_options.collision_strategy == "ENQUEUE"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--source=auto", "--source auto: must be"),
        ("--cron=@never", "cron='@never'"),
        ("--cron=@daily --interval=6h", "only one of cron, interval and rrule"),
        ("--protocol=tutorial", "promotion needs --protocol honest"),
        ("--epochs=0", "epochs"),
        ("--maintain.timezone=Mars", "timezone='Mars'"),
    ],
)
def test_impossible_values_are_refused_before_anything_is_served(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read = partial(parameters, app)
    status, shown = refusal(read, f"{arguments} --accelerator=cpu", capsys)
    assert status == 2
    assert told in shown


@pytest.mark.parametrize("line", ["0 3 * * * *", "0 0 3 1 * * 2027", "3 * * *"])
def test_a_cron_line_has_five_fields(line: str) -> None:
    with pytest.raises(ValidationError, match="of the five fields minute, hour, day of the month"):
        ScheduleConfig(cron=line)
    starts = ScheduleConfig(timezone="Europe/Berlin").next_starts("30 3 * * *", 3)
    assert [start.strftime("%H:%M") for start in starts] == ["03:30"] * 3


def test_without_a_server_serving_ends_with_one_sentence(tmp_path: Path) -> None:
    ended = run_script(tmp_path, "serve_flow.py", "--accelerator=cpu")
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: no Prefect server is configured")
    assert len(ended.stderr.strip().splitlines()) == 1


PREFECT_YAML = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize(
    ("number", "flow"),
    [*enumerate([retrain_flow, maintain_flow, train_from_form, train_flow])],
    ids=["nightly", "weekly", "simple", "expert"],
)
def test_prefect_yaml_names_what_there_is(number: int, flow: Any) -> None:
    deployment = PREFECT_YAML[number]
    file, _, function = deployment["entrypoint"].partition(":")
    assert (ROOT / file).is_file()
    assert function == flow.fn.__name__
    given = deployment["parameters"]
    kinds = {name: part.annotation for name, part in inspect.signature(flow.fn).parameters.items()}
    for name, value in given.items():
        TypeAdapter(kinds[name]).validate_python(value)
    assert given.get("config", {"source": {}})["source"].get("source") != "auto"
    assert deployment["concurrency_limit"]["limit"] == 1
    environment = deployment["work_pool"]["job_variables"]["env"]
    assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


@pytest.mark.parametrize("number", [0, 1])
def test_the_schedules_of_prefect_yaml_come_due(number: int) -> None:
    (schedule,) = PREFECT_YAML[number]["schedules"]
    assert ScheduleConfig(**schedule).kind("@daily") == {"cron": schedule["cron"]}
