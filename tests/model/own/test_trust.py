import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from tasks.common.errors import NetworkError
from tasks.model.own.code import NetworkCode
from tasks.model.own.trust import require_trusted, trust_code, trust_here

pytestmark = pytest.mark.usefixtures("nothing_trusted")

CODE = NetworkCode(function="build", options={}, files={"my_net.py": "def build(data): pass\n"})


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    (folder / "runs/one").mkdir(parents=True)
    trust_here(folder, CODE)
    return folder


def require(place: Path, *, is_refused: bool, code: NetworkCode = CODE) -> None:
    said = rf"\(my_net.py\).* --trust-code {code.sha256}$"
    with pytest.raises(NetworkError, match=said) if is_refused else nullcontext():
        require_trusted(code, place / "best_model.keras")


def test_code_runs_in_the_artifacts_folder_that_trained_it(artifacts: Path) -> None:
    require(artifacts / "runs/one", is_refused=False)
    require(artifacts.parent, is_refused=True)
    other = CODE.model_copy(update={"files": {"my_net.py": "import os\n"}})
    require(artifacts / "runs/one", is_refused=True, code=other)


def test_neither_a_copied_run_nor_a_copied_artifacts_folder_runs_code(artifacts: Path) -> None:
    copy = artifacts.parent / "copy"
    shutil.copytree(artifacts, copy)
    require(copy / "runs/one", is_refused=True)
    artifacts.rename(artifacts.with_name("before"))
    shutil.copytree(copy, artifacts)  # at the same place, as an archive is unpacked
    require(artifacts / "runs/one", is_refused=True)


def test_code_that_a_person_named_runs_anywhere(tmp_path: Path) -> None:
    require(tmp_path, is_refused=True)
    trust_code(CODE.sha256.upper())
    require(tmp_path, is_refused=False)


@pytest.mark.parametrize("wrong", ["", "abc", "z" * 63, "../" * 21 + "x"])
def test_what_is_no_hash_is_refused(wrong: str) -> None:
    with pytest.raises(NetworkError, match="must be a SHA-256"):
        trust_code(wrong)
