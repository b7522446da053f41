"""Options of a user's function: checked by its type hints, read without running it."""

import ast
from collections.abc import Callable

from tasks.common.errors import NetworkError
from tasks.config.training import OwnNetworkConfig, Value, comma_list

_TRUTHS = {"true": True, "false": False}

_KINDS: dict[str, Callable[[str], Value]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": lambda text: _TRUTHS[text.lower()],
}


def read_options(function: ast.FunctionDef, network: OwnNetworkConfig) -> dict[str, Value]:
    """Return the options that are given, each of the type that its parameter's hint says.

    The function's first parameter is not one of them. A NetworkError names what does not fit.
    """
    given, name = f"--network {network.network}", function.name
    takes = function.args
    positional = [*takes.posonlyargs, *takes.args]
    if not positional:
        raise NetworkError(
            f"{given}: {name}() must take one argument, the NetworkInput that says words, length"
            " and labels"
        )
    hints = {one.arg: one.annotation for one in (*positional[1:], *takes.kwonlyargs)}
    needed = [one.arg for one in positional[1 : len(positional) - len(takes.defaults)]]
    pairs = zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
    needed += [one.arg for one, default in pairs if default is None]
    options = dict(_option(text, hints, name) for text in comma_list(network.network_option))
    lacking = [one for one in needed if one not in options]
    if lacking:
        raise NetworkError(
            f"{given}: {name}() has no default for {', '.join(lacking)}; give it with"
            f" --network-option {lacking[0]}=…"
        )
    return options


def _option(text: str, hints: dict[str, ast.expr | None], function: str) -> tuple[str, Value]:
    given = f"--network-option {text}"
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise NetworkError(f"{given}: must be name=value, with commas between several")
    if name not in hints:
        known = ", ".join(hints) or "none"
        raise NetworkError(f"{given}: {function}() has no parameter {name}, only: {known}")
    hint = hints[name]
    kind = ast.unparse(hint) if hint is not None else "no type hint"
    if kind not in _KINDS:
        raise NetworkError(
            f"{given}: the parameter has {kind}; an option must have one of {', '.join(_KINDS)}"
        )
    try:
        return name, _KINDS[kind](value)
    except (ValueError, KeyError):
        raise NetworkError(f"{given}: must be of type {kind}") from None
