"""What one training was asked for: the config and all that is no part of it."""

from dataclasses import dataclass
from pathlib import Path

from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig
from tasks.config.training import CachedStep, TrainingConfig


@dataclass(frozen=True)
class TrainOptions:
    """What the command line asks for."""

    config: TrainingConfig
    accelerator: str
    artifacts: Path
    refresh: tuple[CachedStep, ...] = ()
    cache: bool = True
    promotion: PromotionConfig | None = None
    drift: DriftConfig | None = None
