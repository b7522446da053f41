from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from flows.cli import predict
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, SourceUnavailableError
from tasks.common.remote_files import local_copy
from tasks.config.training import SourceConfig
from tasks.data.fetch import fetch_reviews
from tests.support.made_models import make_model_run
from tests.support.servers.real_server import free_port
from tests.support.small_run import write_reviews

BUCKET = "reviews"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> fs.S3FileSystem:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    system = fs.S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True)
    system.create_dir(BUCKET)
    return system


def upload(store: fs.S3FileSystem, name: str, content: bytes) -> str:
    with store.open_output_stream(f"{BUCKET}/{name}") as file:
        file.write(content)
    return f"s3://{BUCKET}/{name}"


def test_a_remote_file_is_copied_once_and_again_when_it_has_changed(
    store: fs.S3FileSystem, tmp_path: Path
) -> None:
    uri = upload(store, "a/b.csv", b"one")
    copy = local_copy(uri, tmp_path)
    assert (copy.read_bytes(), copy.suffix) == (b"one", ".csv")
    when = copy.stat().st_mtime_ns
    assert local_copy(uri, tmp_path).stat().st_mtime_ns == when
    copy.write_bytes(b"bad")
    assert local_copy(uri, tmp_path).read_bytes() == b"one"
    upload(store, "a/b.csv", b"other")
    assert local_copy(uri, tmp_path).read_bytes() == b"other"


def test_training_reviews_come_from_a_store_with_the_hash_of_their_bytes(
    store: fs.S3FileSystem, tmp_path: Path
) -> None:
    file = write_reviews(tmp_path / "r.csv", 40)
    uri = upload(store, "train.csv", file.read_bytes())
    artifacts = ArtifactStore(tmp_path / "artifacts")
    remote = SourceConfig.model_validate({"source": "files", "train_file": uri})
    assert SourceConfig.model_validate_json(remote.model_dump_json()) == remote
    local = SourceConfig.model_validate({"source": "files", "train_file": str(file)})
    found = fetch_reviews(remote, artifacts)
    assert found.content_hash == fetch_reviews(local, artifacts).content_hash


def test_a_remote_file_is_predicted(
    store: fs.S3FileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model_run(tmp_path)
    uri = upload(store, "asked.txt", b"a fine film\ndull\n")
    predict.read_flow_options([f"--file={uri}", f"--artifacts={tmp_path}"])
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.usefixtures("store")
def test_a_missing_remote_file_and_a_store_that_is_away_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadDataError, match=r"s3://reviews/none\.csv: there is no such file"):
        local_copy("s3://reviews/none.csv", tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceUnavailableError, match="check the network and the credentials"):
        local_copy("s3://reviews/none.csv", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["s3://bucket", "s3:///file", "gs://"])
def test_an_address_without_a_file_is_no_remote_file(uri: str) -> None:
    config = SourceConfig.model_validate({"source": "files", "train_file": uri})
    assert isinstance(config.train_file, Path)
