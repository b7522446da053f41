import io
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tasks.common.errors import BadDataError
from tasks.model import keras_archive
from tasks.model.keras_archive import read_keras_archive
from tests.support.made_models import small_model, with_parts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.keras"
    file.write_bytes(small_model())
    return file


def weights(change: str, folder: Path) -> bytes:
    """Return a file of weights with one thing in it that a plain one does not have."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("layers/embedding/vars")
        if change == "external link":
            group["0"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")
        elif change == "soft link":
            group["0"] = h5py.SoftLink("/optimizer")
        elif change == "external data":
            secret = folder / "secret"
            secret.write_bytes(b"x" * 8)
            group.create_dataset("0", (2,), "f4", external=[(str(secret), 0, 8)])
        elif change == "objects":
            group.create_dataset("0", data=np.array([b"a"], dtype="S1"))
        else:
            group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")
    return content.getvalue()


def test_a_model_is_read_as_data(model: Path) -> None:
    archive = read_keras_archive(model)
    assert archive.config["class_name"] == "Sequential"
    assert archive.weights["layers/embedding/vars/0"].shape == (40, 4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("external link", "layers/embedding/vars/0 is a link to somewhere else"),
        ("soft link", "layers/embedding/vars/0 is a link to somewhere else"),
        ("external data", "layers/embedding/vars/0 is no plain array of numbers"),
        ("objects", "layers/embedding/vars/0 is no plain array of numbers"),
        ("bomb", r"layers/embedding/vars/0 has 4,398,046,511,104 bytes, more than allowed"),
    ],
)
def test_weights_that_reach_outside_or_are_too_large_are_not_read(
    tmp_path: Path, model: Path, change: str, reason: str
) -> None:
    parts = {"model_weights_h5": weights(change, tmp_path)}
    with pytest.raises(BadDataError, match=reason):
        read_keras_archive(with_parts(model, tmp_path / "changed.keras", **parts))


@pytest.mark.parametrize("content", [b"", b"no zip", pickle.dumps([1])])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(content)
    with pytest.raises(BadDataError, match="is damaged"):
        read_keras_archive(file)


@pytest.mark.parametrize("part", ["config_json", "model_weights_h5"])
@pytest.mark.parametrize("content", [b"[1]", pickle.dumps({"a": 1}), b"[" * 100_000])
def test_a_part_that_is_something_else_is_refused(
    tmp_path: Path, model: Path, part: str, content: bytes
) -> None:
    with pytest.raises(BadDataError, match="is damaged"):
        read_keras_archive(with_parts(model, tmp_path / "changed.keras", **{part: content}))


def test_a_part_that_would_grow_too_large_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(keras_archive._MOST_BYTES, "config.json", 1000)
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 100_000)
    with pytest.raises(BadDataError, match=r"config.json has 100,000 bytes, more than the 1,000"):
        read_keras_archive(file)
