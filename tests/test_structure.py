"""The folders stay small, say what they hold, and the tests mirror the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES_A_FOLDER = 14
LEVELS = 3
LATE_IMPORTS = 40
OF_THE_TESTS = {
    "support",
    "support/faults",
    "support/servers",
    "support/samples",
    "faults",
    "benchmarks",
}
"""Folders of tests that mirror none of the code."""


def packages(top: str) -> list[Path]:
    return sorted(file.parent for file in (ROOT / top).rglob("__init__.py"))


def modules(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.py") if file.name != "__init__.py"]


ALL = [folder for top in ("tasks", "flows", "tests") for folder in packages(top)]


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_is_small_and_says_in_one_sentence_what_it_holds(folder: Path) -> None:
    assert len(modules(folder)) <= MODULES_A_FOLDER
    assert len(folder.relative_to(ROOT).parts) <= LEVELS
    (statement,) = ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr)
    sentence = ast.literal_eval(statement.value)
    assert re.fullmatch(r"[A-Z`][^\n]*[^.]\.", sentence)


def mirrored() -> dict[str, Path]:
    """Return the folder of code that each folder of tests stands for, by its name in `tests`."""
    return {
        (str(folder.relative_to(ROOT)).removeprefix("tasks/")): folder
        for top in ("tasks", "flows")
        for folder in packages(top)
        if folder != ROOT / "tasks"
    }


def test_the_tests_mirror_the_code() -> None:
    code = mirrored()
    tested = {str(folder.relative_to(ROOT / "tests")) for folder in packages("tests")} - {"."}
    assert tested - OF_THE_TESTS <= set(code), "a folder of tests without code of its name"
    untested = {
        name for name in code if not any(f"{one}/".startswith(f"{name}/") for one in tested)
    }
    assert not untested, "packages without a folder of tests"


def test_every_module_of_tests_that_is_no_test_is_a_helper_in_its_place() -> None:
    strays = [
        str(file.relative_to(ROOT))
        for folder in packages("tests")
        for file in modules(folder)
        if not file.name.startswith("test_") and file.name != "conftest.py"
        if str(folder.relative_to(ROOT / "tests")).partition("/")[0] != "support"
    ]
    assert strays == []


def late_imports() -> Iterator[str]:
    for folder in (*packages("tasks"), *packages("flows")):
        for file in modules(folder):
            for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    for node in ast.walk(function):
                        if isinstance(node, ast.Import | ast.ImportFrom):
                            yield f"{file.relative_to(ROOT)}:{node.lineno}"


def test_few_imports_stand_inside_functions() -> None:
    late = sorted(set(late_imports()))
    assert len(late) <= LATE_IMPORTS, late


def test_imports_stand_at_the_top_and_entry_scripts_only_start_things() -> None:
    for file in (ROOT / "flows").glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 30, file.name
    for top in ("tasks", "flows", "tests", "benchmarks"):
        for file in (ROOT / top).rglob("*.py"):
            assert "noqa: " + "E402" not in file.read_text(encoding="utf-8"), file


def test_the_guide_opens_with_the_tree_of_packages() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = guide.split("```")[1]
    for folder in (*packages("tasks"), *packages("flows")):
        sentence = ast.literal_eval((folder / "__init__.py").read_text(encoding="utf-8"))
        name = f"{folder.relative_to(ROOT)}/"
        assert re.search(
            rf"^{name} +{re.escape(sentence.removesuffix('.'))}$", tree, re.MULTILINE
        ), name


def named_paths(text: str) -> set[str]:
    """Return the targets of links, and the paths of ours that stand in code."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    ours = re.findall(r"`((?:flows|tasks|tests|benchmarks|docs|deploy)/[\w./@-]+)`", text)
    return {*links, *ours}


@pytest.mark.parametrize(
    "document",
    sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("[!.]*/*.md")),
    ids=lambda path: path.stem,
)
def test_the_paths_that_a_document_names_exist(document: Path) -> None:
    for path in named_paths(document.read_text(encoding="utf-8")):
        assert (document.parent / path).exists() or (ROOT / path).exists(), path
