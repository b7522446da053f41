"""What is requested of one training: the config and all that is no part of it."""

from pathlib import Path
from typing import Literal

from tasks.common.device import Device
from tasks.common.errors import InvalidConfigError
from tasks.common.records import Record
from tasks.config.drift import DriftConfig
from tasks.config.naming import Naming
from tasks.config.promotion import PromotionConfig
from tasks.config.training import CachedStep, FitConfig, TrainingConfig

DebugMode = Literal["overfit", "one-step", "profile"]


class TrainOptions(Record):
    """What is trained, on what, where it is kept, and which steps may come from the cache."""

    config: TrainingConfig
    accelerator: str
    artifacts: Path
    refresh: tuple[CachedStep, ...] = ()
    cache: bool = True
    promotion: PromotionConfig | None = None
    drift: DriftConfig | None = None
    naming: Naming = Naming()


def require_divisible(fit: FitConfig, device: Device) -> None:
    """Raise an InvalidConfigError where several devices cannot share each batch evenly."""
    if device.count == 1:
        return
    if fit.batch_size % device.count:
        raise InvalidConfigError(
            f"batch_size={fit.batch_size}: must be a multiple of {device.count}, since"
            f" {device.count} devices share each batch"
        )
    if fit.training_step not in ("auto", "keras"):
        raise InvalidConfigError(
            f"training_step={fit.training_step!r}: must be 'auto' or 'keras' where several devices"
            " train"
        )
