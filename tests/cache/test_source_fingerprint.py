import pytest

from tasks.cache.source_fingerprint import Fingerprint, fingerprint, library_version

MODULES = {
    "tasks.top": """
from tasks.middle import helper
import tasks.whole

UNUSED = 1

def step(x: int) -> int:
    '''Do it.'''
    # at once
    return helper(x) + local()

def local():
    from tasks.late import late
    return late()

def other():
    return UNUSED
""",
    "tasks.middle": """
import numpy as np
from tasks.bottom import LIMIT as BOUND, deepest

TABLE = {"a": deepest}

def helper(x):
    return np.minimum(TABLE["a"](x), BOUND)

def never():
    import pandas
""",
    "tasks.bottom": """
LIMIT = 3

def deepest(x):
    return x
""",
    "tasks.late": "def late():\n    import keras\n    return 1\n",
    "tasks.whole": "def f():\n    return 1\n",
}


def of(**changes: tuple[str, str]) -> Fingerprint:
    sources = dict(MODULES)
    for name, (old, new) in changes.items():
        assert old in sources[f"tasks.{name}"]
        sources[f"tasks.{name}"] = sources[f"tasks.{name}"].replace(old, new)
    return fingerprint("tasks.top", "step", sources.get)


def test_reached_definitions_are_found_through_imports_tables_and_late_imports() -> None:
    assert set(of().definitions) == {
        "tasks.top.step",
        "tasks.top.local",
        "tasks.middle.helper",
        "tasks.middle.TABLE",
        "tasks.bottom.LIMIT",
        "tasks.bottom.deepest",
        "tasks.late.late",
    }


def test_libraries_are_those_that_reached_code_uses_and_computes_with() -> None:
    assert of().libraries == {"numpy", "keras", "tensorflow"}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "helper(x) +", "helper(x) -"),
        ("top", "return late()", "return -late()"),
        ("middle", "minimum", "maximum"),
        ("middle", '{"a": deepest}', '{"a": abs, "b": deepest}'),
        ("bottom", "LIMIT = 3", "LIMIT = 4"),
        ("bottom", "return x", "return x + 1"),
        ("late", "return 1", "return 2"),
    ],
)
def test_an_edit_of_reached_code_changes_it(module: str, old: str, new: str) -> None:
    assert of(**{module: (old, new)}).definitions != of().definitions


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "'''Do it.'''", "'''Do it now.'''"),
        ("top", "# at once", "# later"),
        ("top", "helper(x) + local()", "(helper(x)\n        + local())"),
        ("top", "(x: int) -> int", "(x)"),
        ("top", "UNUSED = 1", "UNUSED = 2"),
        ("top", "return UNUSED", "return 5"),
        ("middle", "import pandas", "import scipy"),
    ],
)
def test_what_does_not_change_the_bytes_does_not_change_it(module: str, old: str, new: str) -> None:
    assert of(**{module: (old, new)}) == of()


def test_a_module_that_is_used_as_a_whole_is_reached_as_a_whole() -> None:
    used = of(top=("+ local()", "+ tasks.whole.f()"))
    assert "tasks.whole.f" in used.definitions


def test_what_a_module_does_when_imported_is_part_of_it() -> None:
    acting = of(bottom=("LIMIT = 3", "LIMIT = 3\nprint(LIMIT)"))
    assert "tasks.bottom.module level" in acting.definitions


def test_a_types_only_import_is_no_part_of_it() -> None:
    text = "from tasks.bottom import LIMIT as BOUND, deepest"
    typing = f"{text}\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas"
    assert of(middle=(text, typing)) == of()


RECEIVING = {
    "tasks.step": """
from tasks.kinds import Folder, Record
if TYPE_CHECKING:
    import pandas
else:
    OTHER = 1

def step(folder: Folder, record: Record | None = None):
    return folder.keep(record)
""",
    "tasks.kinds": """
from tasks.helper import help

class Base:
    def keep(self, record):
        return help(record)

class Folder(Base):
    def path(self):
        return "here"

class Record:
    number: int = 3

    def double(self):
        return 2 * self.number
""",
    "tasks.helper": "def help(x):\n    return x\n",
}


def test_the_methods_of_what_a_function_receives_are_reached_and_its_values_are_not() -> None:
    def receiving(module: str, old: str, new: str) -> dict[str, str]:
        sources = dict(RECEIVING)
        assert old in sources[module]
        sources[module] = sources[module].replace(old, new)
        return fingerprint("tasks.step", "step", sources.get).definitions

    same = fingerprint("tasks.step", "step", RECEIVING.get).definitions
    assert set(same) == {
        "tasks.step.step",
        "tasks.kinds.methods of Base",
        "tasks.kinds.methods of Folder",
        "tasks.kinds.methods of Record",
        "tasks.helper.help",
    }
    assert receiving("tasks.helper", "return x", "return -x") != same
    assert receiving("tasks.kinds", '"here"', '"there"') != same
    assert receiving("tasks.kinds", "2 * self", "3 * self") != same
    assert receiving("tasks.kinds", "int = 3", "int = 4") == same


def test_decorators_of_the_step_are_left_out_and_those_of_its_helpers_are_not() -> None:
    decorated = of(top=("def step", "@task(retries=3)\ndef step"))
    assert decorated.definitions == of().definitions
    assert of(top=("def local", "@twice\ndef local")).definitions != of().definitions


def test_an_unknown_function_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"tasks\.top defines no nothing"):
        fingerprint("tasks.top", "nothing", MODULES.get)


def test_each_step_reaches_its_own_work_and_not_its_neighbours() -> None:
    pad = fingerprint("tasks.steps", "pad").definitions
    assert "tasks.data.text.padding.pad_tokens" in pad
    assert "tasks.data.split.chosen_part" in pad
    assert not [name for name in pad if "train_model" in name or "plot_history" in name]


def test_the_version_of_a_library_is_the_installed_one() -> None:
    import numpy as np

    assert library_version("numpy") == np.__version__


@pytest.mark.parametrize("package", ["tasks", "tasks.deep"])
def test_what_a_package_does_when_it_is_imported_is_reached(package: str) -> None:
    sources = {
        "tasks.top": "from tasks.deep.leaf import f\n\ndef step():\n    return f()\n",
        "tasks.deep.leaf": "def f():\n    return 1\n",
        "tasks": '"""All of it."""\n',
        "tasks.deep": '"""A part."""\n',
    }
    before = fingerprint("tasks.top", "step", sources.get)
    assert set(before.definitions) == {"tasks.top.step", "tasks.deep.leaf.f"}
    sources[package] += "import keras\nkeras.config.set_floatx('float16')\n"
    after = fingerprint("tasks.top", "step", sources.get)
    assert after.definitions.keys() - before.definitions == {f"{package}.module level"}
    assert "keras" in after.libraries
