"""A TensorFlow SavedModel that takes texts: tokenizer, word index and padding inside the graph.

It needs none of this project's code: TensorFlow Serving and every user of TensorFlow can call its
signature `serving_default` with strings. See https://www.tensorflow.org/guide/saved_model.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from tasks.common.device import select_accelerator, use_device
from tasks.config.training import TextConfig
from tasks.data.text.tokenizer import FIRST_WORD_ID, PAD_ID, SEPARATORS, START_ID, UNKNOWN_ID
from tasks.inference.predictor import TrainedModel
from tasks.model.network import keras_model

_HIGHEST_CODE_POINT = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)


def lower_case_table() -> np.ndarray:
    """Return the lower case of each code point, as the tokenizer has it, int32 of shape (n,).

    TensorFlow's own lower case differs, for example for the Turkish dotted I and the Greek sigma.
    Code points from n on are their own lower case.
    """
    points = np.arange(_HIGHEST_CODE_POINT + 1, dtype=np.int32)
    is_text = (points < _SURROGATES[0]) | (points > _SURROGATES[1])
    text = points[is_text].tobytes().decode("utf-32")
    lower = points.copy()
    lower[is_text] = np.frombuffer(pc.utf8_lower(text).as_py().encode("utf-32")[4:], np.int32)
    return lower[: int(np.flatnonzero(lower != points).max()) + 1]


def write_text_graph(model: TrainedModel, folder: Path) -> None:
    """Write the SavedModel of a model whose hash was checked.

    Input `text`: strings of shape (n,). Outputs of shape (n,): `label`, the name of the answer, and
    `probability`, float32, the answer's own. `probabilities` are the numbers of the network, as
    the ONNX graph gives them.
    """
    use_device(select_accelerator("cpu"))
    module = _text_module(model)
    tf.saved_model.save(module, str(folder), {"serving_default": module.predict})
    for empty in (path for path in folder.iterdir() if path.is_dir() and not any(path.iterdir())):
        empty.rmdir()


def saved_model_answers(folder: Path, texts: list[str]) -> pa.RecordBatch:
    """Return `label` and `probability` of texts, as any user would ask the SavedModel."""
    predict = tf.saved_model.load(str(folder)).signatures["serving_default"]
    answers = predict(text=tf.constant(texts, tf.string))
    labels, probabilities = answers["label"].numpy(), answers["probability"].numpy()
    return pa.record_batch({"label": pa.array(labels, pa.string()), "probability": probabilities})


def _text_module(model: TrainedModel) -> Any:  # noqa: ANN401 - TensorFlow is not typed
    network = keras_model(model.file)
    kept = model.vocabulary.known(model.text.num_words)
    ids = tf.range(len(kept), dtype=tf.int32) + FIRST_WORD_ID
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant(kept), ids)
    index = tf.lookup.StaticHashTable(entries, UNKNOWN_ID)
    names = tf.constant(model.label_names)
    lower = tf.constant(lower_case_table())

    def predict(text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = padded_ids(index.lookup(words_of(text, lower)), model.text)
        given = network(tokens, training=False)
        of_classes = tf.concat([1 - given, given], axis=1) if given.shape[1] == 1 else given
        said = tf.argmax(of_classes, axis=1)
        if model.cut is not None:
            said = tf.cast(of_classes[:, 1] > model.cut, tf.int64)
        own = tf.gather(of_classes, said, batch_dims=1)
        said_names = tf.gather(names, said)
        return {"label": said_names, "probability": own, "probabilities": given}

    module = tf.Module()
    module.network, module.index = network, index  # kept with the module, else not saved
    module.predict = tf.function(predict, [tf.TensorSpec([None], tf.string, name="text")])
    return module


def padded_ids(ids: tf.RaggedTensor, text: TextConfig) -> tf.Tensor:
    """Return the int32 ids of n texts, after the start, as `pad_tokens` cuts and fills them."""
    starts = tf.fill([ids.nrows(), 1], START_ID)
    ids = tf.concat([tf.RaggedTensor.from_tensor(starts), ids], axis=1)
    rest, last = ids[:, text.kept_first :], text.maxlen - text.kept_first
    ids = tf.concat([ids[:, : text.kept_first], rest[:, -last:] if last else rest[:, :0]], axis=1)
    if text.padding == "post":
        return ids.to_tensor(PAD_ID, shape=[None, text.maxlen])
    backwards = ids[:, ::-1].to_tensor(PAD_ID, shape=[None, text.maxlen])
    return backwards[:, ::-1]


def words_of(texts: tf.Tensor, lower: tf.Tensor) -> tf.RaggedTensor:
    """Return the words of n texts as `split_words` does; bytes that are no UTF-8 become U+FFFD."""
    points = tf.strings.unicode_decode(texts, "UTF-8")
    flat = points.flat_values
    has_case = flat < tf.size(lower)
    flat = tf.where(has_case, tf.gather(lower, tf.where(has_case, flat, 0)), flat)
    lowered = tf.strings.unicode_encode(points.with_flat_values(flat), "UTF-8")
    words = tf.strings.split(tf.strings.regex_replace(lowered, SEPARATORS, " "), " ")
    return tf.ragged.boolean_mask(words, tf.not_equal(words, ""))
