"""Read the code of a user's network as text: its function, and the modules beside it."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tasks.cache.source_fingerprint import library_version
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import NetworkError
from tasks.common.records import Record
from tasks.config.training import NetworkConfig, OwnNetworkConfig, Value
from tasks.model.own.options import read_options

_TAKEN = {*sys.stdlib_module_names, "tasks", "flows", "keras", "tensorflow", "numpy"}
"""Names of modules that a user's own would hide from everything else in the process."""

_REST = "outside of functions and classes"


class NetworkCode(Record):
    """The source of a user's network, and with which options its function is called.

    `files` has the text of each Python file by its path from the folder of the first, which holds
    the function; the others are those that it reaches by imports.
    """

    function: str
    options: dict[str, Value]
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """The hash of all files, by which a person trusts the code."""
        return json_sha256(self.files)

    @property
    def settings(self) -> dict[str, Value]:
        """What a cache key has of it beside the code: no path."""
        return {"function": self.called, **self.options}

    @property
    def called(self) -> str:
        """The first file and the function, for people."""
        return f"{next(iter(self.files))}:{self.function}"

    @property
    def modules(self) -> dict[str, str]:
        """The path of each file by the name under which Python imports it."""
        return {_module_name(path): path for path in self.files}

    @property
    def definitions(self) -> dict[str, str]:
        """The hash of each function and class by its name, and of the rest of each file."""
        return {
            f"{module}.{name}": hashlib.sha256(text.encode()).hexdigest()
            for module, path in self.modules.items()
            for name, text in _definitions(self.files[path])
        }

    @property
    def libraries(self) -> dict[str, str]:
        """The version of each installed package that the files import."""
        own = {name.partition(".")[0] for name in self.modules}
        imported = {
            name.partition(".")[0]
            for text in self.files.values()
            for name in _imported(ast.parse(text), "")
        }
        names = sorted(imported - own - sys.stdlib_module_names)
        return {name: version for name in names if (version := library_version(name))}


def check_network(network: NetworkConfig) -> None:
    """Raise a NetworkError where the code of a user's network cannot be used."""
    if isinstance(network, OwnNetworkConfig):
        read_network_code(network)


def read_network_code(network: OwnNetworkConfig) -> NetworkCode:
    """Return the code that a config names; nothing of it is run.

    Raises:
        NetworkError: There is no such file or function, it is no Python, or an option does not fit.
    """
    file, function = network.place
    given = f"--network {network.network}"
    if not file.is_file():
        raise NetworkError(f"{given}: there is no file {file}")
    if file.stem in _TAKEN or not file.stem.isidentifier():
        raise NetworkError(
            f"{given}: a file of this name cannot be imported beside Python's own; rename it"
        )
    files = _reached(file, given)
    found = {
        node.name: node
        for node in ast.parse(files[file.name]).body
        if isinstance(node, ast.FunctionDef)
    }
    if function not in found:
        others = ", ".join(found) or "none"
        raise NetworkError(
            f"{given}: {file.name} defines no function {function} at its top level, only: {others}"
        )
    options = read_options(found[function], network)
    return NetworkCode(function=function, options=options, files=files)


def _reached(file: Path, given: str) -> dict[str, str]:
    """Return the text of a file and of all modules beside it that it imports, directly or not."""
    texts, waiting = dict[str, str](), [file.name]
    while waiting:
        path = waiting.pop()
        if path in texts:
            continue
        try:
            texts[path] = (file.parent / path).read_bytes().decode("utf-8-sig")
            tree = ast.parse(texts[path])
        except (SyntaxError, ValueError) as error:
            line = f" line {error.lineno}:" if isinstance(error, SyntaxError) else ""
            raise NetworkError(f"{given}: {path} is no Python:{line} {error}") from None
        for name in _imported(tree, _package_of(path)):
            beside = list(_beside(file.parent, name))
            if beside and name.partition(".")[0] in _TAKEN:
                raise NetworkError(
                    f"{given}: {beside[0]} beside it has the name of another module; rename it"
                )
            waiting += beside
    return texts


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the names of all that a file may import: of modules, and of what may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = [*package.split("."), ""][: -node.level] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            if base:
                yield base
            yield from (f"{base}.{one.name}".lstrip(".") for one in node.names)


def _beside(folder: Path, name: str) -> Iterator[str]:
    """Yield the files in a folder that an import of this name runs."""
    place = PurePosixPath()
    for part in name.split("."):
        place /= part
        module, package = place.with_suffix(".py"), place / "__init__.py"
        if (folder / package).is_file():
            yield package.as_posix()
        elif (folder / module).is_file():
            yield module.as_posix()
            return
        elif not (folder / place).is_dir():
            return


def _module_name(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _package_of(path: str) -> str:
    return ".".join(PurePosixPath(path).parent.parts)


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    rest = dict(enumerate(lines, start=1))
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            last = node.end_lineno or first
            yield node.name, "\n".join(lines[first - 1 : last])
            for number in range(first, last + 1):
                rest.pop(number, None)
    yield _REST, "\n".join(rest.values())
