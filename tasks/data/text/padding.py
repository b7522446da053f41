"""Cut and pad tokens to one length."""

import numpy as np

from tasks.config.training import TextConfig
from tasks.data.text.tokenizer import PAD_ID, UNKNOWN_ID
from tasks.data.text.vocabulary import RaggedTokens, is_unknown


def pad_tokens(tokens: RaggedTokens, text: TextConfig) -> np.ndarray:
    """Return padded token ids of shape (n, maxlen), int32.

    Equal to Keras's `pad_sequences` after `load_data(num_words=...)`: ids from `num_words` on
    become the unknown id 2, the rest is cut or filled with 0 on the configured sides. See
    https://keras.io/api/data_loading/timeseries/#padsequences-function. To cut in the middle, which
    Keras does not know, is the head and tail of C. Sun, X. Qiu, Y. Xu and X. Huang, "How to
    Fine-Tune BERT for Text Classification?", CCL 2019 (https://arxiv.org/abs/1905.05583).
    """
    places = kept_places(tokens, text)
    known = np.where(is_unknown(tokens.ids, text.num_words), UNKNOWN_ID, tokens.ids)
    taken = known[np.maximum(places, 0)] if len(known) else PAD_ID
    return np.where(places >= 0, taken, PAD_ID).astype(np.int32)


def kept_places(tokens: RaggedTokens, text: TextConfig) -> np.ndarray:
    """Return the place in `tokens.ids` of each padded token, -1 for padding, shape (n, maxlen)."""
    starts, lengths = tokens.offsets[:-1, None], tokens.lengths()[:, None]
    columns = np.arange(text.maxlen)[None, :]
    kept = np.minimum(lengths, text.maxlen)
    position = columns - (text.maxlen - kept if text.padding == "pre" else 0)
    is_token = (position >= 0) & (position < kept)
    position = np.where(position < text.kept_first, position, position + lengths - kept)
    return np.where(is_token, starts + position, -1)
