from typing import Any

import pytest
from pydantic import ValidationError

from tasks.common.errors import InvalidConfigError
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.training import ProtocolConfig, describe_invalid


def test_a_config_survives_json() -> None:
    config = PromotionConfig(mode="not_worse", margin=0.01)
    assert PromotionConfig.model_validate_json(config.model_dump_json()) == config


def test_every_field_is_described() -> None:
    assert all(field.description for field in PromotionConfig.model_fields.values())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"level": 0}, "level=0: must be greater than 0"),
        ({"floor": 1.5}, "floor=1.5: must be less than or equal to 1"),
        ({"mode": "best"}, "mode='best': must be 'better' or 'not_worse'"),
        ({"margin": -0.1}, "margin=-0.1: must be greater than or equal to 0"),
        ({"largest_latency_ms": float("inf")}, "largest_latency_ms=inf: must be a finite"),
        ({"size": 1}, "size=1: there is no such field"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        PromotionConfig.model_validate(fields)
    assert message in describe_invalid(raised.value)


def test_the_tutorial_protocol_cannot_be_promoted_and_says_so_before_anything_starts() -> None:
    tutorial, honest = ProtocolConfig(protocol="tutorial"), ProtocolConfig()
    with pytest.raises(InvalidConfigError, match="protocol='tutorial': promotion needs protocol"):
        require_promotable(PromotionConfig(), tutorial)
    require_promotable(None, tutorial)
    require_promotable(PromotionConfig(), honest)
