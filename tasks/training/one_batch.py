"""Learn one batch by heart: whether a network can learn at all shows in a few steps."""

from typing import NamedTuple

from tasks.model.network import keras_model
from tasks.training.datasets import ordered_batches
from tasks.training.plan import TrainingPlan
from tasks.training.step import step_code, trained_form
from tasks.training.train import prepare_network

_LOOK_EVERY = 10

_NEAR_ZERO = 0.1
"""Share of the first loss."""

_MOST = 0.95
"""Share of right answers: of real reviews a few may say the same with two labels."""


class ByHeart(NamedTuple):
    """What a network answers to the one batch that it was trained on, in so many steps.

    `last_loss` and the answers that are `right` are those without dropout.
    """

    reviews: int
    steps: int
    first_loss: float
    last_loss: float
    right: int

    @property
    def is_known(self) -> bool:
        """Whether nearly all answers are right."""
        return self.right >= _MOST * self.reviews


def learn_by_heart(plan: TrainingPlan, most_steps: int) -> ByHeart:
    """Train on the first batch alone, until nearly all is right and the loss is near zero.

    The steps are a multiple of ten.
    """
    network = keras_model(plan.initial_model)
    batch = next(iter(ordered_batches(plan.train, plan.fit.batch_size)))
    prepare_network(network, plan)
    reviews = len(batch[0])
    code = step_code(plan.fit.training_step, plan.network, plan.device)
    model = trained_form(network, code, plan.fit.model_copy(update={"batch_size": reviews}))
    first = float(model.test_on_batch(*batch)[0])
    for steps in range(_LOOK_EVERY, most_steps + 1, _LOOK_EVERY):
        for _ in range(_LOOK_EVERY):
            model.train_on_batch(*batch)
        model.reset_metrics()  # which count all batches since
        last, accuracy = map(float, model.test_on_batch(*batch))
        seen = ByHeart(reviews, steps, first, last, round(accuracy * reviews))
        if seen.is_known and last < _NEAR_ZERO * first:
            break
    return seen
