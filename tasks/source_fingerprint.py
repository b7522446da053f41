"""Which of the project's code a function reaches, and which libraries, found from the source.

The answer is part of a step's cache key: an edit in a helper, however deep, is a miss.
Comments, docstrings, formatting and the annotations of functions are no part of it, since
they do not change what the code does.

Reachability is by name: a definition reaches whatever it mentions. What a step receives
enters its key by value instead, so steps receive plain records only.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SourceFinder = Callable[[str], str | None]
"""From the dotted name of a module to its source text, None where there is none."""

_OUR_PACKAGES = ("tasks", "flows")
_COMPUTES_WITH = {"keras": ("tensorflow", "numpy"), "tensorflow": ("numpy",)}
_ORCHESTRATES = "prefect"
"""Runs the steps but computes nothing of what they write."""

_WHOLE_MODULE = "*"


@dataclass
class Fingerprint:
    """The SHA-256 of each reached definition by its dotted name, and the reached libraries."""

    definitions: dict[str, str] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)


@dataclass
class _Module:
    """A parsed module: the statements that bind each name, and those that bind none."""

    bindings: dict[str, list[ast.stmt]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)


@cache
def installed_source(module: str) -> str | None:
    """Return the source text of one of the project's modules; nothing of it is imported."""
    package, *rest = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def library_version(library: str) -> str:
    """Return the installed version of an imported top-level package."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        names = sorted(importlib.metadata.packages_distributions().get(library, []))
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def fingerprint(
    module: str, function: str, find_source: SourceFinder = installed_source
) -> Fingerprint:
    """Return what the top-level `function` of `module` reaches.

    Its own decorators, which hold a task's options, are left out.

    Raises:
        LookupError: The module has no such function.
    """
    walk = _Walk(find_source)
    root = walk.module(module)
    if root is None or function not in root.bindings:
        raise LookupError(f"{module} defines no {function}")
    for node in root.bindings[function]:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    walk.follow(module, function)
    return walk.result


class _Walk:
    """One search through the definitions, beginning at a function."""

    def __init__(self, find_source: SourceFinder) -> None:
        self.result = Fingerprint()
        self._find_source = find_source
        self._modules: dict[str, _Module | None] = {}

    def module(self, name: str) -> _Module | None:
        if name not in self._modules:
            source = self._find_source(name)
            self._modules[name] = None if source is None else _parse(source)
        return self._modules[name]

    def follow(self, module: str, name: str) -> None:
        waiting, seen = [(module, name)], {(module, name)}
        while waiting:
            for target in self._visit(*waiting.pop()):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _visit(self, owner: str, name: str) -> Iterator[tuple[str, str]]:
        """Record one definition and yield what it mentions."""
        module = self.module(owner)
        if module is None:
            return
        if name == _WHOLE_MODULE:
            yield from ((owner, bound) for bound in module.bindings)
            return
        if name not in module.bindings:
            if self.module(f"{owner}.{name}") is not None:
                yield f"{owner}.{name}", _WHOLE_MODULE
            return
        statements = module.bindings[name]
        if not all(isinstance(node, ast.Import | ast.ImportFrom) for node in statements):
            self.result.definitions[f"{owner}.{name}"] = _hash(statements)
        if module.effects:
            self.result.definitions[f"{owner} (module level)"] = _hash(module.effects)
        for statement in (*statements, *module.effects):
            yield from self._mentions(owner, name, statement)

    def _mentions(self, owner: str, name: str, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        at_top = isinstance(statement, ast.Import | ast.ImportFrom)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                yield owner, node.id
            elif isinstance(node, ast.Import):
                yield from self._imported(node, name if at_top else None)
            elif isinstance(node, ast.ImportFrom):
                yield from self._imported_from(owner, node, name if at_top else None)

    def _imported(self, node: ast.Import, only: str | None) -> Iterator[tuple[str, str]]:
        for alias in node.names:
            if only in (None, _bound_name(alias)):
                yield from self._library_or((alias.name, _WHOLE_MODULE))

    def _imported_from(
        self, owner: str, node: ast.ImportFrom, only: str | None
    ) -> Iterator[tuple[str, str]]:
        package = owner.split(".")[: -node.level] if node.level else []
        source = ".".join([*package, *([node.module] if node.module else [])])
        for alias in node.names:
            if only in (None, _bound_name(alias)):
                yield from self._library_or((source, alias.name))

    def _library_or(self, target: tuple[str, str]) -> Iterator[tuple[str, str]]:
        package = target[0].split(".")[0]
        if package in _OUR_PACKAGES:
            yield target
        elif package not in {*sys.stdlib_module_names, _ORCHESTRATES}:
            self.result.libraries.update((package, *_COMPUTES_WITH.get(package, ())))


def _parse(source: str) -> _Module:
    module = _Module()
    for statement in _Normalized().visit(ast.parse(source)).body:
        names = set(_bound_names(statement))
        for name in names:
            module.bindings.setdefault(name, []).append(statement)
        if not names:
            module.effects.append(statement)
    return module


class _Normalized(ast.NodeTransformer):
    """Leave out what does not change what code does."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        is_typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_typing else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from map(_bound_name, statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.alias):
                yield _bound_name(node)


def _bound_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def _hash(statements: list[ast.stmt]) -> str:
    text = "\n".join(map(ast.dump, statements))
    return hashlib.sha256(text.encode()).hexdigest()
