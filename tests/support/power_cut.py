"""A training that ends wherever it is, as by a power cut."""

from tasks.training.progress import TrainingProgress, Watcher


class PowerCut(BaseException):
    """Ends a training wherever it is."""


def cut_at(place: tuple[int, int]) -> Watcher:
    """Return what ends a training after so many epochs and so many steps of the next."""

    def cut(progress: TrainingProgress) -> None:
        if (progress.epochs_done, progress.step) == place:
            raise PowerCut

    return cut
