"""Nothing loads TensorFlow or Arrow before it is used.

Commands start quickly, mistakes are told at once, and settings of both come before them.
"""

import subprocess
import sys

IMPORT_ALL = """
import importlib, pkgutil, sys
import flows, tasks
for package in (flows, tasks):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("tasks.")]))
print(sorted({"tensorflow", "keras", "torch", "pyarrow"} & set(sys.modules)))
"""


def test_no_module_imports_tensorflow_keras_or_arrow_at_its_top() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], check=True, capture_output=True, text=True
    )
    modules, found = done.stdout.splitlines()
    assert int(modules) > 100
    assert found == "[]"
