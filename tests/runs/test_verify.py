import shutil
from pathlib import Path

import pytest

from flows.cli.app import run_command
from flows.cli.verify import explain_app as explain
from flows.cli.verify import verify_app as app
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256
from tasks.common.device import Device
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tasks.runs.verify import environment_differences, first_difference, repeatable_accelerator
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.small_run import write_reviews
from tests.support.start_run import start_run

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def copied(done: RunSummary, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done.folder, ArtifactStore(tmp_path).runs / done.folder.name))


def verify(*arguments: str) -> int:
    try:
        run_command(app, list(arguments))
    except SystemExit as end:
        return int(str(end.code))
    return 0


def test_a_repeated_run_has_equal_results(
    done: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    status = verify(str(done.folder))
    shown, error = capsys.readouterr()
    assert status == 0, error
    assert "Verified: data, weights, history, predictions and metrics are equal." in shown
    assert "differs" not in shown


def test_every_flipped_byte_is_found(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(copied)
    assert verify(str(copied), "--files") == 0
    for name in manifest.files:
        path = copied / name
        content = path.read_bytes()
        path.write_bytes(with_flipped_bit(content, len(content) // 2))
        assert manifest.faults(copied) == [f"{name} is corrupt (its hash differs)"]
        assert verify(str(copied), "--files") == 1
        assert f"{name} is corrupt" in capsys.readouterr().err
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256"])
def test_a_flipped_byte_of_the_manifest_itself_is_found(
    copied: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content = (copied / name).read_bytes()
    for place in range(0, len(content), 97):
        (copied / name).write_bytes(with_flipped_bit(content, place))
        assert verify(str(copied), "--files") == 1
        assert "manifest.json is damaged" in capsys.readouterr().err


def test_missing_short_and_foreign_files_are_found(copied: Path) -> None:
    manifest = read_manifest(copied)
    (copied / "history.json").unlink()
    (copied / "metrics.json").write_text("{}")
    (copied / "foreign.txt").write_text("")
    faults = "; ".join(manifest.faults(copied))
    assert "history.json is missing" in faults
    assert "metrics.json has 2 bytes instead of" in faults
    assert "foreign.txt is not in manifest.json" in faults


def test_the_first_difference_is_named_in_the_order_of_the_steps(done: RunSummary) -> None:
    manifest = read_manifest(done.folder)
    other = manifest.model_copy(
        update={
            "weights": manifest.weights | {"best_model_hash": "other"},
            "files": manifest.files | {"metrics.json": manifest.files["history.json"]},
        }
    )
    assert first_difference(manifest, manifest) is None
    assert str(first_difference(manifest, other)).startswith("best_model_hash: ")


def test_another_machine_is_said_to_be_another(done: RunSummary) -> None:
    manifest = read_manifest(done.folder)
    assert environment_differences(manifest, manifest.device) == []
    elsewhere = manifest.model_copy(
        update={
            "machine": manifest.machine | {"cores": 99},
            "versions": manifest.versions | {"keras": "1"},
        }
    )
    said = environment_differences(elsewhere, Device(kind="gpu", name="H", reason="auto"))
    assert said == [
        "device cpu → gpu H",
        f"cores 99 → {manifest.machine['cores']}",
        f"keras 1 → {manifest.versions['keras']}",
    ]


def test_other_threads_are_another_machine(
    done: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read_manifest(done.folder)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "77")
    threads = manifest.machine["threads"]
    assert environment_differences(manifest, manifest.device) == [f"threads {threads} → 77"]


def test_a_gpu_that_is_not_here_is_replaced_by_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert repeatable_accelerator(Device(kind="gpu", name="H", reason="r")) == "auto"
    assert repeatable_accelerator(Device(kind="cpu", reason="r")) == "cpu"


def test_changed_raw_files_are_reported_before_anything_is_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = write_reviews(tmp_path / "reviews.csv", 120)
    run = start_run(tmp_path / "artifacts", reviews, epochs=1).folder
    write_reviews(reviews, 120, seed=1)
    assert verify(str(run)) == 1
    error = capsys.readouterr().err
    assert f"the raw file train ({reviews}) is not that of the run" in error


def test_a_folder_without_a_manifest_is_no_finished_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(str(tmp_path)) == 1
    assert "is not a finished run: it has no manifest.json" in capsys.readouterr().err


def test_a_damaged_manifest_is_reported_in_one_sentence(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "manifest.json").write_text('{"schema_version": 2}')
    sha256 = file_sha256(copied / "manifest.json")
    (copied / "manifest.sha256").write_text(f"{sha256}  manifest.json\n")
    assert verify(str(copied)) == 1
    assert "manifest.json is damaged: ('files',): Field required" in capsys.readouterr().err


def test_a_run_can_be_explained_from_its_folder(
    done: RunSummary, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    explain([str(done.folder)], result_action="return_value")
    shown = capsys.readouterr().out
    assert "Test Accuracy: " in shown
    assert shown.count("there is no earlier result of this step") == 9


def test_a_run_of_another_folder_of_artifacts_is_found_by_its_name(
    done: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = f"--artifacts={done.folder.parents[1]}"
    explain(["latest", artifacts], result_action="return_value")
    assert "there is no earlier result of this step" in capsys.readouterr().out
    assert verify("latest", "--files", artifacts) == 0
    assert "files are as recorded" in capsys.readouterr().out
