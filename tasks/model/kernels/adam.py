"""Adam in one pass over the memory of each variable."""

from typing import Any

import keras
import tensorflow as tf

from tasks.model.keras_contracts import adam_moments


def fused_adam(
    learning_rate: float,
    **options: Any,  # noqa: ANN401 - those of Keras's
) -> keras.optimizers.Optimizer:
    """Return an Adam that is updated by TensorFlow's one operation for it.

    It moves as Keras's does, but for rounding, where a gradient is whole. Where an embedding's
    comes in rows, one for each time that a word occurs, Keras squares these one by one for the
    second moment, this squares their sum, which is the gradient. Frequent words move less for it.

    See https://arxiv.org/abs/1412.6980 and https://keras.io/api/optimizers/adam/
    """

    class FusedAdam(keras.optimizers.Adam):
        def update_step(
            self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
        ) -> None:
            """Update one variable and its two moments."""
            first, second = adam_moments(self, variable)
            steps = tf.cast(self.iterations.value + 1, tf.float32)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=tf.pow(self.beta_1, steps),
                beta2_power=tf.pow(self.beta_2, steps),
                lr=tf.cast(learning_rate, tf.float32),
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=tf.convert_to_tensor(gradient),
            )

    return FusedAdam(learning_rate, **options)
