import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.model.keras_archive import stored_onnx
from tasks.model.network import TOLERANCE, keras_network, onnx_form, onnx_network, open_network
from tasks.model.onnx_graph import NotFoldableError
from tasks.model.own import onnx_form as module
from tasks.model.own.onnx_form import add_onnx_form

layers = keras.layers

WORDS, MAXLEN = 50, 24

TOKENS = np.random.default_rng(0).integers(0, WORDS, (40, MAXLEN), np.int32)
TOKENS[:20, :12] = 0


def made(kind: str, outputs: int, scale: float = 4) -> keras.Model:
    keras.utils.set_random_seed(0)
    given = keras.Input((MAXLEN,), dtype="int32")
    seen = layers.Embedding(WORDS, 8, mask_zero=kind == "masked LSTM")(given)
    if kind == "masked LSTM":
        seen = layers.Bidirectional(layers.LSTM(5))(seen)
    elif kind == "two GRU":
        seen = layers.GRU(5, return_sequences=True)(layers.SpatialDropout1D(0.3)(seen))
        seen = layers.GRU(4)(seen)
    elif kind == "convolutions":
        wide = [layers.Conv1D(6, width, activation="relu")(seen) for width in (2, 3, 5)]
        seen = layers.Concatenate()([layers.GlobalMaxPooling1D()(one) for one in wide])
        seen = layers.BatchNormalization()(seen)
    else:
        told = layers.MultiHeadAttention(2, 4)(seen, seen)
        seen = layers.LayerNormalization()(layers.Add()([seen, told]))
        seen = layers.GlobalAveragePooling1D()(layers.Dense(8, activation="gelu")(seen))
    activation = "sigmoid" if outputs == 1 else "softmax"
    answer = layers.Dense(outputs, activation=activation)(layers.Dropout(0.5)(seen))
    model = keras.Model(given, answer)
    model.set_weights([scale * weight for weight in model.get_weights()])
    return model


def saved(folder: Path, kind: str = "convolutions", outputs: int = 1) -> Path:
    file = folder / "best_model.keras"
    made(kind, outputs).save(file)
    return file


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        ("masked LSTM", 1),
        ("two GRU", 3),
        ("convolutions", 3),
        ("transformer", 1),
        pytest.param("masked LSTM", 3, marks=pytest.mark.slow),
        pytest.param("two GRU", 1, marks=pytest.mark.slow),
    ],
)
def test_a_network_of_keras_s_layers_gets_an_onnx_form(
    tmp_path: Path, kind: str, outputs: int
) -> None:
    file = saved(tmp_path, kind, outputs)
    with pytest.raises(NotFoldableError):
        onnx_form(file)
    before = keras_network(file)(TOKENS)
    assert np.ptp(before) > 0.05
    add_onnx_form(file, TOKENS[:8])
    assert len(onnx_network(onnx_form(file))(TOKENS[:0])) == 0
    for tokens in (TOKENS, TOKENS[:1]):
        found = onnx_network(onnx_form(file))(tokens)
        np.testing.assert_allclose(found, keras_network(file)(tokens), atol=TOLERANCE)
    np.testing.assert_array_equal(keras_network(file)(TOKENS), before)
    assert open_network(file)(TOKENS).shape == before.shape


def test_it_predicts_without_tensorflow(tmp_path: Path) -> None:
    file = saved(tmp_path)
    add_onnx_form(file, TOKENS)
    np.save(tmp_path / "tokens.npy", TOKENS)
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from tasks.model.network import open_network\n"
        "file = Path(sys.argv[1])\n"
        "found = open_network(file)(np.load(file.with_name('tokens.npy')))\n"
        "np.save(file.with_name('found.npy'), found)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found, keras_network(file)(TOKENS), atol=TOLERANCE)


@pytest.mark.parametrize("fault", ["refused", "other answers"])
def test_what_cannot_be_exported_stays_as_it_was_and_says_why(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    file = saved(tmp_path)

    def exported(_: keras.Model) -> bytes:
        if fault == "refused":
            raise ValueError("no such operation: Odd\nlong trace")
        return real(made("convolutions", 1, scale=2))

    real = module._exported
    monkeypatch.setattr(module, "_exported", exported)
    before = file.read_bytes()
    add_onnx_form(file, TOKENS)
    assert file.read_bytes() == before
    assert stored_onnx(file) is None
    says = {"refused": "no such operation: Odd", "other answers": "differ from Keras's by"}
    assert "no ONNX form, predictions start TensorFlow: " in caplog.text
    assert says[fault] in caplog.text
