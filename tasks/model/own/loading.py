"""Import the code of a user's network from its text, so that a run needs no file of the user's."""

import importlib
import importlib.abc
import importlib.util
import linecache
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from tasks.common.errors import NetworkError
from tasks.model.keras_archive import names_code
from tasks.model.keras_contracts import names_from_one
from tasks.model.own.archive import code_in
from tasks.model.own.code import NetworkCode
from tasks.model.own.trust import require_trusted

_KERAS_FRAME = re.compile(r"Exception encountered: |Exception encountered when calling .*\n+")
_TENSORFLOW_MARKS = re.compile(r"\x1b\[\d+m|\{\{.*?\}\} ?")

_LOCK = threading.RLock()
_IMPORTED: dict[str, dict[str, ModuleType]] = {}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the modules of one network; the text of each is kept for tracebacks and TensorFlow."""

    def __init__(self, code: NetworkCode) -> None:
        self.names = code.modules
        self._texts = {name: code.files[path] for name, path in self.names.items()}
        self._places = {name: _place(code, path) for name, path in self.names.items()}

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None = None,
        _target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname in self.names:
            return importlib.util.spec_from_loader(fullname, self, origin=self._places[fullname])
        if any(name.startswith(f"{fullname}.") for name in self.names):  # a folder alone
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        return None

    def is_package(self, fullname: str) -> bool:
        return self.names[fullname].endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        return self._texts[fullname]

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        text, place = self._texts[name], self._places[name]
        linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
        module.__file__ = place
        exec(compile(text, place, "exec"), module.__dict__)  # noqa: S102 - it is trusted by now


def _place(code: NetworkCode, path: str) -> str:
    return f"network_code/{code.sha256[:12]}/{path}"


def imported(code: NetworkCode) -> ModuleType:
    """Return the module with the function; raise a NetworkError where its import fails."""
    own = code.modules
    name = next(iter(own))
    with _LOCK:
        modules = _IMPORTED.get(code.sha256)
        if modules is None:
            for other in [one for one in sys.modules if _is_of(one, own)]:
                del sys.modules[other]  # of another state of the same files
            sys.meta_path[:] = [one for one in sys.meta_path if not _hides(one, code)]
            sys.meta_path.insert(0, _Finder(code))
            with told_as(code, "cannot be imported"):
                importlib.import_module(name)
            modules = {one: sys.modules[one] for one in sys.modules if _is_of(one, own)}
            _IMPORTED[code.sha256] = modules
        return modules[name]


def _is_of(name: str, own: dict[str, str]) -> bool:
    return name in own or any(one.startswith(f"{name}.") for one in own)


def _hides(finder: Any, code: NetworkCode) -> bool:  # noqa: ANN401 - anything that finds
    return isinstance(finder, _Finder) and bool(finder.names.keys() & code.modules.keys())


def own_objects(code: NetworkCode) -> dict[str, Any]:
    """Return the classes and functions of the code, by the names that Keras looks for."""
    imported(code)
    objects: dict[str, Any] = {}
    for module in _IMPORTED[code.sha256].values():
        for name, found in vars(module).items():
            if callable(found) and getattr(found, "__module__", "") == module.__name__:
                objects |= {name: found, keras.saving.get_registered_name(found): found}
    return objects


def load_with_code(model_file: Path) -> keras.Model:
    """Return the model of a file, not compiled, whose own layers are those of the code in it.

    Raises:
        NetworkError: The code is trusted by nobody here, or cannot be imported.
        Exception: Keras, or a layer, refuses the file.
    """
    code = code_in(model_file)
    if code is None or not names_code(model_file):
        return keras.models.load_model(model_file, compile=False, safe_mode=True)
    require_trusted(code, model_file)
    # A layer without a get_config of its own loses its name.
    with keras.saving.custom_object_scope(own_objects(code)), names_from_one():
        return keras.models.load_model(model_file, compile=False, safe_mode=True)


@contextmanager
def told_as(code: NetworkCode, what: str) -> Iterator[None]:
    """Say in one sentence what the user's code raised, and where."""
    try:
        yield
    except NetworkError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [one for one in frames if one.filename.startswith("network_code/")]
        place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        raise NetworkError(
            f"the network {code.called} {what}: {type(error).__name__}: {_reason(error)}{place}"
        ) from error


def _reason(error: Exception) -> str:
    """Return what a layer said, without what Keras and TensorFlow put around it."""
    *_, inner = _KERAS_FRAME.split(_TENSORFLOW_MARKS.sub("", str(error)))
    first_paragraph, *_ = inner.strip().split("\n\n")
    return " ".join(first_paragraph.split()) or type(error).__name__
