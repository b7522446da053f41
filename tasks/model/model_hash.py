"""One hash for what a model computes: its architecture and the bytes of its weights.

A `.keras` file holds its date and so never repeats; this hash does.
"""

import hashlib

import keras
import numpy as np

from tasks.common.canonical_json import canonical_json


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 over shape, type and bytes of each weight, in layer order.

    Names are no part: Keras gives a loaded model's weights other paths than a built one's.
    """
    digest = hashlib.sha256()
    for variable in model.weights:
        array = np.ascontiguousarray(variable.numpy())
        digest.update(f"{array.shape} {array.dtype.str}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def model_hash(model: keras.Model, code: str | None = None) -> str:
    """Return the SHA-256 over the architecture, `weights_hash`, and the hash of a user's code.

    How the model is compiled is no part: that is the training's concern.
    """
    text = f"{canonical_json(model.get_config())}\n{weights_hash(model)}"
    if code:
        text += f"\n{code}"
    return hashlib.sha256(text.encode()).hexdigest()
