"""The gates of a promotion, and the bounds of the drift."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from tasks.common.errors import InvalidConfigError
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.training import ProtocolConfig, describe_invalid


@pytest.mark.parametrize(
    "config",
    [
        DriftConfig(action="stop", largest_auc=0.7),
        PromotionConfig(mode="not_worse", margin=0.01),
    ],
)
def test_a_config_survives_json_and_every_field_is_described(config: BaseModel) -> None:
    assert type(config).model_validate_json(config.model_dump_json()) == config
    assert all(field.description for field in type(config).model_fields.values())


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (DriftConfig, {"action": "halt"}, "action='halt': must be 'warn' or 'stop'"),
        (DriftConfig, {"largest_word_psi": 0}, "largest_word_psi=0: must be greater than 0"),
        (DriftConfig, {"largest_auc": 0.4}, "largest_auc=0.4: must be greater than or equal to"),
        (DriftConfig, {"sample": 3}, "sample=3: must be greater than or equal to 50"),
        (DriftConfig, {"psi": 1}, "psi=1: there is no such field"),
        (PromotionConfig, {"level": 0}, "level=0: must be greater than 0"),
        (PromotionConfig, {"floor": 1.5}, "floor=1.5: must be less than or equal to 1"),
        (PromotionConfig, {"mode": "best"}, "mode='best': must be 'better' or 'not_worse'"),
        (PromotionConfig, {"margin": -0.1}, "margin=-0.1: must be greater than or equal to 0"),
        (
            PromotionConfig,
            {"largest_latency_ms": float("inf")},
            "largest_latency_ms=inf: must be a finite",
        ),
        (PromotionConfig, {"size": 1}, "size=1: there is no such field"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(
    kind: type[BaseModel], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        kind.model_validate(fields)
    assert message in describe_invalid(raised.value)


def test_the_tutorial_protocol_cannot_be_promoted_and_says_so_before_anything_starts() -> None:
    tutorial, honest = ProtocolConfig(protocol="tutorial"), ProtocolConfig()
    with pytest.raises(InvalidConfigError, match="protocol='tutorial': promotion needs protocol"):
        require_promotable(PromotionConfig(), tutorial)
    require_promotable(None, tutorial)
    require_promotable(PromotionConfig(), honest)
