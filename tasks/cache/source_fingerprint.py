"""Which of the project's code a function reaches, and which libraries, found from the source.

The answer is part of a step's cache key: an edit in a helper, however deep, is a miss.
Comments, docstrings, formatting and the annotations of functions are no part of it, since
they do not change what the code does.

Reachability is by name: a definition reaches whatever it mentions. Of the objects that a
function receives, their values are no part of this, but the methods of their classes are.
"""

import ast
import copy
import hashlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from tasks.cache.own_sources import OUR_PACKAGES, source_at_start

SourceFinder = Callable[[str], str | None]
"""From the dotted name of a module to its source text, None where there is none."""

_COMPUTES_WITH = {"keras": ("tensorflow", "numpy"), "tensorflow": ("numpy",)}

_INSTALLED_AS = {"sklearn": "scikit-learn"}
"""Spares a search through all installed packages, which takes a quarter of a second."""

_ORCHESTRATES = "prefect"
"""Runs the steps but computes nothing of what they write."""

_WHOLE_MODULE = "*"

_CHANGES_NOTHING: dict[type[ast.AST], str] = {ast.FunctionDef: "returns", ast.arg: "annotation"}
"""Parts of nodes that are left out, beside `ctx`, which repeats where a node stands."""


@dataclass
class Fingerprint:
    """The SHA-256 of each reached definition by its dotted name, and the reached libraries."""

    definitions: dict[str, str] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)


class _Facts(NamedTuple):
    """What a search needs to know of some statements: their hash, and what they mention.

    Names that the module does not bind are local ones or Python's own, and are left out.
    """

    sha256: str
    names: set[str]
    imports: tuple[tuple[ast.Import | ast.ImportFrom, ast.alias], ...]


@dataclass
class _Module:
    """A parsed module: the statements that bind each name, and those that bind none.

    `received` has the names in the annotations of each function's parameters. `facts` keeps
    what one search found for the next, since most steps reach the same definitions.
    """

    bindings: dict[str, list[ast.stmt]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)
    received: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, _Facts] = field(default_factory=dict)


class _Target(NamedTuple):
    """A definition to visit; of a received object's class only the methods matter."""

    module: str
    name: str
    methods_only: bool = False


@cache
def library_version(library: str) -> str:
    """Return the installed version of an imported top-level package."""
    try:
        return importlib.metadata.version(_INSTALLED_AS.get(library, library))
    except importlib.metadata.PackageNotFoundError:
        names = sorted(importlib.metadata.packages_distributions().get(library, []))
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def fingerprint(
    module: str, function: str, find_source: SourceFinder = source_at_start
) -> Fingerprint:
    """Return what a top-level function reaches; its own decorators, its options, are left out."""
    walk = _Walk(find_source)
    walk.follow(module, function)
    return walk.result


class _Walk:
    """One search through the definitions, beginning at a function."""

    def __init__(self, find_source: SourceFinder) -> None:
        self.result = Fingerprint()
        self._find_source = find_source
        self._modules: dict[str, _Module | None] = {}
        self._imported: set[str] = set()

    def module(self, name: str) -> _Module | None:
        if name not in self._modules:
            source = self._find_source(name)
            self._modules[name] = None if source is None else _parse(source)
        return self._modules[name]

    def follow(self, module: str, name: str) -> None:
        root = self.module(module)
        if root is None or name not in root.bindings:
            raise LookupError(f"{module} defines no {name}")
        bare = [_without_decorators(node) for node in root.bindings[name]]
        self._modules[module] = replace(root, bindings=root.bindings | {name: bare}, facts={})
        methods = [_Target(module, part, methods_only=True) for part in root.received.get(name, [])]
        waiting = [_Target(module, name), *methods]
        seen = set(waiting)
        while waiting:
            for target in self._visit(waiting.pop()):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _visit(self, target: _Target) -> Iterator[_Target]:
        """Record one definition and yield what it mentions."""
        owner, name, methods_only = target
        module = self.module(owner)
        if module is None:
            return
        if name == _WHOLE_MODULE:
            yield from self._visit_effects(owner, module)
            yield from (_Target(owner, bound) for bound in module.bindings)
            return
        if name not in module.bindings:
            if self.module(f"{owner}.{name}") is not None:
                yield _Target(f"{owner}.{name}", _WHOLE_MODULE)
            return
        statements = module.bindings[name]
        if all(isinstance(node, ast.Import | ast.ImportFrom) for node in statements):
            yield from self._visit_effects(owner, module)
            for found in self._mentions(owner, _facts(module, name, statements)):
                yield found._replace(methods_only=methods_only)
        elif methods_only:
            yield from self._visit_methods(owner, name, module)
        else:
            yield from self._record(owner, name, module, statements)

    def _visit_methods(self, owner: str, name: str, module: _Module) -> Iterator[_Target]:
        methods: list[ast.stmt] = []
        for node in module.bindings[name]:
            if isinstance(node, ast.ClassDef):
                methods += [part for part in node.body if isinstance(part, ast.FunctionDef)]
                bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                yield from (_Target(owner, base, methods_only=True) for base in bases)
        if methods:
            yield from self._record(owner, f"methods of {name}", module, methods)

    def _record(
        self, owner: str, name: str, module: _Module, statements: list[ast.stmt]
    ) -> Iterator[_Target]:
        facts = _facts(module, name, statements)
        self.result.definitions[f"{owner}.{name}"] = facts.sha256
        yield from self._visit_effects(owner, module)
        yield from self._mentions(owner, facts)

    def _visit_effects(self, owner: str, module: _Module) -> Iterator[_Target]:
        """Record what the module does when it is imported, beside binding names.

        The packages that it lies in are imported before it, so they are reached too.
        """
        if owner in self._imported:
            return
        self._imported.add(owner)
        parts = owner.split(".")
        yield from (_Target(".".join(parts[:n]), _WHOLE_MODULE) for n in range(1, len(parts)))
        if module.effects:
            yield from self._record(owner, "module level", module, module.effects)

    def _mentions(self, owner: str, facts: _Facts) -> Iterator[_Target]:
        yield from (_Target(owner, name) for name in facts.names)
        for node, alias in facts.imports:
            yield from self._ours(_imported(owner, node, alias))

    def _ours(self, target: _Target) -> Iterator[_Target]:
        """Yield what is of our packages; record the library that anything else belongs to."""
        package = target.module.split(".")[0]
        if package in OUR_PACKAGES:
            yield target
        elif package not in {*sys.stdlib_module_names, _ORCHESTRATES}:
            self.result.libraries.update((package, *_COMPUTES_WITH.get(package, ())))


def _imported(owner: str, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> _Target:
    if isinstance(node, ast.Import):
        return _Target(alias.name, _WHOLE_MODULE)
    package = owner.split(".")[: -node.level] if node.level else []
    return _Target(".".join([*package, *filter(None, [node.module])]), alias.name)


def _without_decorators(statement: ast.stmt) -> ast.stmt:
    bare = copy.copy(statement)
    if isinstance(bare, ast.FunctionDef):
        bare.decorator_list = []
    return bare


@cache
def _parse(source: str) -> _Module:
    module = _Module()
    for statement in _that_run(ast.parse(source).body):
        if isinstance(statement, ast.FunctionDef):
            module.received[statement.name] = list(_received(statement.args))
        names = set(_bound_names(statement))
        for name in names:
            module.bindings.setdefault(name, []).append(statement)
        if not names:
            module.effects.append(statement)
    return module


def _that_run(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements without texts that stand alone, and without what is for types only."""
    for node in statements:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from _that_run(node.orelse)
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                yield node


def _received(arguments: ast.arguments) -> Iterator[str]:
    """Yield the names in the annotations of a function's parameters."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            for node in ast.walk(argument.annotation):
                if isinstance(node, ast.Name):
                    yield node.id


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


def _facts(module: _Module, name: str, statements: list[ast.stmt]) -> _Facts:
    """Return what statements of a module, together under a name, hash to and mention."""
    facts = module.facts.get(name)
    if facts is None:
        reading = _Reading()
        reading.read(statements)
        facts = module.facts[name] = _Facts(
            sha256=hashlib.sha256("".join(reading.said).encode()).hexdigest(),
            names=module.bindings.keys() & reading.names,
            imports=tuple(
                (node, alias)
                for node in reading.imports
                for alias in node.names
                if node not in statements or name == _bound_name(alias)
            ),
        )
    return facts


class _Reading:
    """What pieces of a syntax tree say, but for what changes nothing of what code does."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.names: set[str] = set()
        self.imports: list[ast.Import | ast.ImportFrom] = []

    def read(self, piece: object) -> None:
        """Take in a node, a list of nodes, or a value."""
        if isinstance(piece, ast.AST):
            if isinstance(piece, ast.Name):
                self.names.add(piece.id)
            elif isinstance(piece, ast.Import | ast.ImportFrom):
                self.imports.append(piece)
            kind = type(piece)
            self.said.append(f"{kind.__name__}(")
            for name in kind._fields:
                if name != _CHANGES_NOTHING.get(kind, "ctx"):
                    self.read(getattr(piece, name, None))
            self.said.append(")")
        elif isinstance(piece, list):
            self.said.append("[")
            for node in _that_run(piece):
                self.read(node)
            self.said.append("]")
        else:
            self.said.append(f"{piece!r},")
