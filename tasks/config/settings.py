"""What all groups of settings have in common."""

from pydantic import ConfigDict

from tasks.common.records import Record


class Settings(Record):
    """Frozen, known and finite settings; the text below each is its help and its label in forms."""

    model_config = ConfigDict(allow_inf_nan=False, use_attribute_docstrings=True)
