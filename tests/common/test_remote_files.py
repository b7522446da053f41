import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from flows.cli import predict
from flows.cli.app import main
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, SourceUnavailableError
from tasks.common.remote_files import local_copy
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tests.support.commands import read_options
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


def test_of_a_remote_folder_each_file_is_copied_once_and_removed_when_it_is_no_longer_there(
    store: fs.S3FileSystem, tmp_path: Path
) -> None:
    for part in ("label=a/1.parquet", "label=a/2.parquet", "_SUCCESS"):
        upload(store, f"t.parquet/{part}", part.encode())
    uri = f"s3://{BUCKET}/t.parquet"
    copy = local_copy(uri, tmp_path)
    assert (copy / "label=a/1.parquet").read_bytes() == b"label=a/1.parquet"
    when = (copy / "label=a/1.parquet").stat().st_mtime_ns
    store.delete_file(f"{BUCKET}/t.parquet/label=a/2.parquet")
    upload(store, "t.parquet/label=b/3.parquet", b"new")
    assert local_copy(uri, tmp_path) == copy
    names = {file.relative_to(copy).as_posix() for file in copy.rglob("*") if file.is_file()}
    assert names == {"_SUCCESS", "label=a/1.parquet", "label=b/3.parquet"}
    assert (copy / "label=a/1.parquet").stat().st_mtime_ns == when
    store.delete_dir(f"{BUCKET}/t.parquet")
    upload(store, "t.parquet", b"a file")
    assert local_copy(uri, tmp_path).read_bytes() == b"a file"
    store.delete_file(f"{BUCKET}/t.parquet")
    upload(store, "t.parquet/4.parquet", b"a folder again")
    assert (local_copy(uri, tmp_path) / "4.parquet").read_bytes() == b"a folder again"


def test_a_remote_folder_is_loaded_as_a_local_one(store: fs.S3FileSystem, tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    for label in ("bad", "good"):
        part = folder / f"label={label}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(pa.table({"text": [f"{label} film {n}" for n in range(60)]}), part)
        upload(store, part.relative_to(tmp_path).as_posix(), part.read_bytes())
    loaded: list[dict[str, bytes]] = []
    for place in (str(folder), f"s3://{BUCKET}/reviews"):
        config = SourceConfig.model_validate({"source": "files", "train_file": place})
        target = tmp_path / f"loaded-{len(loaded)}"
        target.mkdir()
        source = fetch_reviews(config, ArtifactStore(tmp_path / "artifacts"))
        load_reviews(source, DataConfig(), target)
        loaded.append({file.name: file.read_bytes() for file in target.iterdir()})
    assert loaded[0] == loaded[1]
    assert json.loads(loaded[1]["data_report.json"])["label_names"] == ["bad", "good"]


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
    main(predict.app, [f"--file={uri}", f"--artifacts={tmp_path}"])
    assert len(capsys.readouterr().out.splitlines()) == 3


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


@pytest.mark.parametrize("uri", ["s3://KEY:hunter2@bucket/a.csv", "gs://hunter2@bucket/a.csv"])
def test_an_address_that_holds_a_key_is_refused_without_showing_it(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[tuple[Callable[[list[str]], object], list[str]]] = [
        (partial(main, predict.app), [f"--file={uri}"]),
        (read_options, [f"--train-file={uri}"]),
        (read_options, ["--train-file=a.csv", f"--test-file={uri}"]),
    ]
    for read, words in commands:
        with pytest.raises(SystemExit):
            read(words)
        shown = capsys.readouterr().err
        assert "must not hold a key" in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize("uri", ["s3://bucket", "s3:///file", "gs://"])
def test_an_address_without_a_file_is_no_remote_file(uri: str) -> None:
    config = SourceConfig.model_validate({"source": "files", "train_file": uri})
    assert isinstance(config.train_file, Path)
