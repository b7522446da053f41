from typing import Any

import pytest
from pydantic import ValidationError

from tasks.config.drift import DriftConfig
from tasks.config.training import describe_invalid


def test_a_config_survives_json() -> None:
    config = DriftConfig(action="stop", largest_auc=0.7)
    assert DriftConfig.model_validate_json(config.model_dump_json()) == config


def test_every_field_is_described() -> None:
    assert all(field.description for field in DriftConfig.model_fields.values())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "halt"}, "action='halt': must be 'warn' or 'stop'"),
        ({"largest_word_psi": 0}, "largest_word_psi=0: must be greater than 0"),
        ({"largest_auc": 0.4}, "largest_auc=0.4: must be greater than or equal to 0.5"),
        ({"sample": 3}, "sample=3: must be greater than or equal to 50"),
        ({"psi": 1}, "psi=1: there is no such field"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        DriftConfig.model_validate(fields)
    assert message in describe_invalid(raised.value)
