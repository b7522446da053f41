import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.formatting import signed, signed_points


@given(st.floats(-1, 1), st.integers(0, 6))
def test_a_difference_keeps_its_value_and_zero_is_never_negative(
    difference: float, digits: int
) -> None:
    shown = signed(difference, digits)
    assert float(shown) == pytest.approx(difference, abs=0.500001 / 10**digits)
    assert shown[0] == ("-" if float(shown) < 0 else "+")
    assert re.fullmatch(rf"[+-]\d{'[.]' if digits else ''}\d{{{digits}}}", shown)


def test_points_are_hundredths() -> None:
    assert [signed_points(share) for share in (-0.00004, 0.5, -0.01239)] == [
        "+0.00",
        "+50.00",
        "-1.24",
    ]


def test_signed_numbers_are_formatted_here_alone() -> None:
    root = Path(__file__).parents[2]
    files = [*root.glob("tasks/**/*"), *root.glob("flows/**/*")]
    text = [one for one in files if one.suffix in {".py", ".jinja"}]
    found = [one.name for one in text if re.search(r"[:%]\+[z.\d]", one.read_text())]
    assert found == ["formatting.py"]
