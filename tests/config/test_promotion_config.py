import pytest

from tasks.common.errors import InvalidConfigError
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.training import ProtocolConfig


def test_the_tutorial_protocol_cannot_be_promoted_and_says_so_before_anything_starts() -> None:
    tutorial, honest = ProtocolConfig(protocol="tutorial"), ProtocolConfig()
    with pytest.raises(InvalidConfigError, match="protocol='tutorial': promotion needs protocol"):
        require_promotable(PromotionConfig(), tutorial)
    require_promotable(None, tutorial)
    require_promotable(PromotionConfig(), honest)
