import numpy as np

from tasks.common.seeds import generator


def drawn(seed: int, purpose: str, epoch: int = 0) -> list[int]:
    numbers: list[int] = generator(seed, purpose, epoch).integers(0, 2**60, 4).tolist()
    return numbers


def test_equal_arguments_draw_equal_numbers_and_another_seed_purpose_or_epoch_others() -> None:
    first = drawn(7, "shuffle", 3)
    assert drawn(7, "shuffle", 3) == first
    for other in ((8, "shuffle", 3), (7, "split", 3), (7, "shuffle", 4)):
        assert drawn(*other) != first


def test_the_process_wide_seed_is_neither_used_nor_changed() -> None:
    np.random.seed(1)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002
    first = drawn(0, "shuffle")
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == before  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert drawn(0, "shuffle") == first
