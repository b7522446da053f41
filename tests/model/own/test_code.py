import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import NetworkError
from tasks.config.training import OwnNetworkConfig
from tasks.model.own.code import NetworkCode, read_network_code

SOURCE = '''"""A network."""
import json
from helpers.sizes import wide
import layers_of_mine as mine

WIDTH = 3

def build(data, units: int = 4, rate: float = 0.5, name: str = "x", deep: bool = False):
    return mine.make(data, wide(units))

def other(data, width: list = [], needed=None):
    pass
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/__init__.py").write_text("from . import more\n")
    (tmp_path / "helpers/more.py").write_text("import keras\n")
    (tmp_path / "helpers/sizes.py").write_text(
        "from .more import keras\ndef wide(x):\n    return x\n"
    )
    (tmp_path / "layers_of_mine.py").write_text("def make(data, units):\n    return units\n")
    (tmp_path / "not_reached.py").write_text("1 / 0\n")
    file = tmp_path / "my_net.py"
    file.write_text(SOURCE)
    return file


def read(file: Path, option: str | None = None, function: str = "build") -> NetworkCode:
    network = OwnNetworkConfig(network=f"{file}:{function}", network_option=option)
    return read_network_code(network)


def test_the_file_and_all_that_it_reaches_beside_it_are_its_code(file: Path) -> None:
    code = read(file)
    reached = {"helpers/__init__.py", "helpers/sizes.py", "helpers/more.py", "layers_of_mine.py"}
    assert set(code.files) == {"my_net.py", *reached}
    assert next(iter(code.files)) == "my_net.py"
    assert set(code.libraries) == {"keras"}
    assert set(code.modules) == {
        "my_net",
        "helpers",
        "helpers.more",
        "helpers.sizes",
        "layers_of_mine",
    }


@pytest.mark.parametrize(
    ("name", "before", "after", "changed"),
    [
        ("my_net.py", "wide(units)", "wide(2)", "my_net.build"),
        ("my_net.py", "WIDTH = 3", "WIDTH = 4", "my_net.outside of functions and classes"),
        ("my_net.py", '"""A network', '"""My network', "my_net.outside of functions and classes"),
        ("helpers/sizes.py", "return x", "return  x", "helpers.sizes.wide"),
        ("helpers/more.py", "keras", "keras  # of 3.15", "helpers.more.outside of functions and"),
    ],
)
def test_any_edit_is_told_by_its_name(
    file: Path, name: str, before: str, after: str, changed: str
) -> None:
    first = read(file)
    place = file.parent / name
    place.write_text(place.read_text().replace(before, after, 1))
    second = read(file)
    pairs = first.definitions.items() ^ second.definitions.items()
    (edited,) = {key for key, _ in pairs}
    assert edited.startswith(changed)
    assert first.sha256 != second.sha256


def test_where_the_file_lies_changes_nothing(file: Path, tmp_path: Path) -> None:
    first = read(file)
    moved = file.parent.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    assert read(moved / file.name) == first


LETTERS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(units=st.integers(), rate=st.floats(allow_nan=False), name=LETTERS, deep=st.booleans())
def test_options_have_the_types_of_their_hints(
    units: int,
    rate: float,
    name: str,
    deep: bool,
) -> None:
    from tasks.model.own.options import read_options

    (function,) = (node for node in ast.parse(SOURCE).body if getattr(node, "name", "") == "build")
    assert isinstance(function, ast.FunctionDef)
    text = f"units={units}, rate={rate!r},name={name},deep={deep}"
    found = read_options(function, OwnNetworkConfig(network="a.py:b", network_option=text))
    assert found == {"units": units, "rate": rate, "name": name, "deep": deep}
    assert [type(value) for value in found.values()] == [int, float, str, bool]


@pytest.mark.parametrize(
    ("option", "function", "sentence"),
    [
        ("units", "build", "--network-option units: must be name=value"),
        ("units=a", "build", "--network-option units=a: must be of type int"),
        ("deep=2", "build", "--network-option deep=2: must be of type bool"),
        ("unit=3", "build", "build() has no parameter unit, only: units, rate, name, deep"),
        ("data=3", "build", "build() has no parameter data"),
        ("width=3", "other", "the parameter has list; an option must have one of int, float, str"),
        ("needed=3", "other", "the parameter has no type hint; an option must have one of int"),
        (None, "missing", "my_net.py defines no function missing at its top level, only: build,"),
    ],
)
def test_what_does_not_fit_the_function_is_refused(
    file: Path, option: str | None, function: str, sentence: str
) -> None:
    with pytest.raises(NetworkError) as raised:
        read(file, option, function)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("my_net.py", "def build():\n    pass\n", "build() must take one argument"),
        ("my_net.py", "def build(data, a: int):\n    pass\n", "has no default for a; give it with"),
        ("my_net.py", "def build(\n", "my_net.py is no Python: line 1:"),
        ("helpers/more.py", "1 +\n", "helpers/more.py is no Python: line 1:"),
        ("json.py", "", "json.py beside it has the name of an"),
    ],
)
def test_what_cannot_be_its_code_is_refused(
    file: Path, name: str, text: str, sentence: str
) -> None:
    (file.parent / name).write_text(text)
    with pytest.raises(NetworkError) as raised:
        read(file)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("name", ["json.py", "keras.py", "my-net.py", "absent.py"])
def test_a_file_that_python_could_not_import_is_refused(tmp_path: Path, name: str) -> None:
    if name != "absent.py":
        (tmp_path / name).write_text("def build(data): pass\n")
    with pytest.raises(NetworkError, match=r"rename it|there is no file"):
        read(tmp_path / name)
