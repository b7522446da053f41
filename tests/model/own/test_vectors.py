import gzip
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.config.training import OwnNetworkConfig
from tasks.data.review_files import review_schema, write_parquet
from tasks.data.text.tokenizer import START_ID
from tasks.model.own.build import build_own_network
from tasks.model.own.code import read_network_code
from tasks.model.own.trust import TRUSTED
from tasks.model.own.vectors import read_vectors, share_of_tokens
from tests.model.own.test_build import DATA, WORDS

LINES = ["word1 1 2 3", "WORD2 4 5 6", "Word1 7 7 7", "word3 -1 0.5 2e-1", "absent 9 9 9"]

EXPECTED = {5: [1, 2, 3], 6: [4, 5, 6], 7: [-1, 0.5, 0.2]}


@pytest.mark.parametrize("header", [[], ["5 3"]])
@pytest.mark.parametrize("compressed", [False, True])
def test_the_words_of_all_three_kinds_of_file_are_found(
    tmp_path: Path, header: list[str], compressed: bool
) -> None:
    content = "\n".join([*header, *LINES, ". . 8 8 8"]).encode()
    file = tmp_path / "vectors.txt"
    file.write_bytes(gzip.compress(content) if compressed else content)
    found = read_vectors(file, WORDS, seed=0)
    assert sorted(found.ids.tolist()) == sorted(EXPECTED)
    assert found.vectors.shape == (30, 3)
    assert found.vectors.dtype == np.float32
    for number, numbers in EXPECTED.items():
        np.testing.assert_allclose(found.vectors[number], np.array(numbers), rtol=1e-6)
    assert not found.vectors[0].any()
    others = np.delete(found.vectors, [0, *EXPECTED], axis=0)
    assert 0.5 < others.std() / np.array(list(EXPECTED.values())).std() < 2
    again, other = (read_vectors(file, WORDS, seed).vectors for seed in (0, 1))
    assert np.array_equal(again, found.vectors)
    assert not np.array_equal(other, found.vectors)


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused_in_one_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "vectors.vec")
        for whole in (content, b"word1 1 2\n" + content, gzip.compress(content)[:-3]):
            file.write_bytes(whole)
            said = ""
            try:
                assert read_vectors(file, WORDS, 0).vectors.shape[0] == len(WORDS)
            except BadDataError as error:
                said = str(error)
            assert said.startswith(f"--embeddings {file}: ") or not said


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["a 1 2", "word1 1 x"], r"cannot be used behind line 1 \(could not convert"),
        (["a 1 2", "b 1"], "cannot be used behind line 1 .a word and 2 numbers are expected"),
        (["a 1 2", "word1 nan 2"], "finite numbers are expected"),
        (["other 1 2"], "has a vector for none of the 26 words of the reviews"),
        ([], "has a vector for none"),
    ],
)
def test_what_holds_no_vectors_is_refused(tmp_path: Path, lines: list[str], sentence: str) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("\n".join(lines))
    with pytest.raises(BadDataError, match=sentence):
        read_vectors(file, WORDS, 0)


@given(st.lists(st.lists(st.integers(4, 9), max_size=5), min_size=1), st.sets(st.integers(4, 9)))
def test_the_share_of_the_words_that_have_a_vector_is_that_of_a_plain_count(
    reviews: list[list[int]], ids: set[int]
) -> None:
    schema = review_schema()
    words = [word for review in reviews for word in review]
    rows = [dict.fromkeys(schema.names, 0) | {"tokens": [START_ID, *review]} for review in reviews]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "train.parquet")
        write_parquet(file, pa.Table.from_pylist(rows, schema).to_batches(), {}, 2)
        share = share_of_tokens(file, np.array(sorted(ids), np.intp))
    assert share == pytest.approx(sum(word in ids for word in words) / max(1, len(words)))


def test_the_example_begins_with_its_vectors_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("\n".join(LINES))
    vectors = read_vectors(file, WORDS, 0).vectors
    example = Path(__file__).parents[3] / "examples/networks/mean_of_words.py"
    network = OwnNetworkConfig(network=f"{example}:build", network_option="trainable=false")
    code = read_network_code(network)
    monkeypatch.setenv(TRUSTED, code.sha256)
    model = build_own_network(code, replace(DATA, vectors=vectors), tmp_path / "model.keras")
    found = model.layers[0]
    assert np.array_equal(found.embeddings.numpy(), vectors)
    assert found.trainable is False
