from pathlib import Path

from tasks.training.one_batch import ByHeart, learn_by_heart
from tests.support.small_run import small_plan


def test_the_tutorials_network_learns_by_heart_and_stops_then(
    prepared: Path, tmp_path: Path
) -> None:
    plan = small_plan(prepared, tmp_path)
    heart = learn_by_heart(plan, 400)
    assert heart.is_known
    assert heart.steps < 400
    assert heart.last_loss < heart.first_loss / 10
    short = learn_by_heart(plan, 10)
    assert (short.steps, short.first_loss) == (10, heart.first_loss)
    assert not short.is_known


def test_a_few_wrong_answers_are_no_reason_for_doubt() -> None:
    assert ByHeart(reviews=64, steps=10, first_loss=1, last_loss=0, right=61).is_known
    assert not ByHeart(reviews=64, steps=10, first_loss=1, last_loss=0, right=60).is_known
