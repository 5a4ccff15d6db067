"""What the layers may import, and house rules that a machine can check. Each rule was born of a real mistake."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src"
FILES = sorted((SOURCE / "soundgraph").rglob("*.py"))
TREES = {file.relative_to(SOURCE).as_posix(): ast.parse(file.read_text()) for file in FILES}

LONGEST_FILE, LONGEST_FUNCTION, WIDEST_PORT = 300, 40, 7


def under(*layers: str) -> list[str]:
    """The files of some layers."""
    return [name for name in TREES if name.split("/")[1] in layers]


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports, at its top or anywhere else."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module or ""


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Every class in a file."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method in a file."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def abstract(function: ast.stmt) -> bool:
    """Whether a statement is an abstract method."""
    marks = function.decorator_list if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return any(isinstance(mark, ast.Name) and mark.id == "abstractmethod" for mark in marks)


def is_protocol(node: ast.ClassDef) -> bool:
    """Whether a class is a Protocol."""
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def test_the_contracts_between_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=SOURCE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("layer", "others"), [("domain", set[str]()), ("application", {"msgspec"})])
def test_the_core_imports_nothing_else_from_outside(layer: str, others: set[str]) -> None:
    allowed = sys.stdlib_module_names | others | {"soundgraph"}
    foreign = {(name, one) for name in under(layer) for one in imports(TREES[name]) if one.split(".")[0] not in allowed}
    assert foreign == set()


def test_wiring_imports_the_standard_library_alone() -> None:
    assert {one.split(".")[0] for one in imports(TREES["soundgraph/application/wiring.py"])} <= sys.stdlib_module_names


def test_nothing_hides_behind_type_checking() -> None:
    hiding = [name for name in TREES if "TYPE_CHECKING" in (SOURCE / name).read_text()]
    assert hiding == []


def test_ports_are_narrow_and_have_only_abstract_methods_without_a_body() -> None:
    ports = {f"{name}: {node.name}": node for name in under("application") for node in classes(TREES[name])}
    wide = {name for name, node in ports.items() if sum(map(abstract, node.body)) > WIDEST_PORT}
    assert wide == set()
    for name, node in ports.items():
        for method in filter(abstract, node.body):
            assert isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
            bodies = [one for one in method.body if not isinstance(one, ast.Expr)]
            assert bodies == [], f"{name}.{method.name} has a body"


@cache
def verbs() -> dict[str, ast.ClassDef]:
    """Use cases and subscribers: classes that can be called."""
    return {
        f"{name}: {node.name}": node
        for name in under("application")
        for node in classes(TREES[name])
        if not is_protocol(node)
        and any(isinstance(one, ast.AsyncFunctionDef) and one.name == "__call__" for one in node.body)
    }


@pytest.mark.parametrize("name", verbs())
def test_a_use_case_says_who_may_do_it_and_takes_data_as_keywords(name: str) -> None:
    node = verbs()[name]
    said = ast.get_docstring(node)
    assert said
    assert said.split(maxsplit=1)[0][0].isupper()
    call = next(one for one in node.body if isinstance(one, ast.AsyncFunctionDef) and one.name == "__call__")
    if [one.arg for one in call.args.args] == ["self", "event", "debt"]:
        assert said.startswith(("Subscriber: ", "Chore: "))
    else:
        assert [one.arg for one in call.args.args] == ["self"], "data comes as keywords"


def test_a_use_case_commits_last_and_once() -> None:
    for name in under("application"):
        for function in functions(TREES[name]):
            for block in (node for node in ast.walk(function) if isinstance(node, ast.AsyncWith)):
                commits = [one for one in ast.walk(block) if isinstance(one, ast.Attribute) and one.attr == "commit"]
                last = block.body[-1]
                assert len(commits) <= 1, f"{name}: {function.name} commits twice"
                if commits and "work" in ast.unparse(block.items[0]):
                    assert "work.commit()" in ast.unparse(last), f"{name}: {function.name} does more after its commit"


def test_files_fit_a_few_screens() -> None:
    lengths = {name: len((SOURCE / name).read_text().splitlines()) for name in TREES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_fit_a_screen() -> None:
    long = [
        f"{name}: {one.name}"
        for name, tree in TREES.items()
        for one in functions(tree)
        if (one.end_lineno or 0) - one.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_every_public_thing_in_the_core_says_what_it_is() -> None:
    silent = [name for name in under("domain", "application") if not ast.get_docstring(TREES[name])]
    silent += [
        f"{name}: {node.name}"
        for name in under("domain", "application")
        for node in classes(TREES[name])
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_the_helpers_above_find_what_they_look_for() -> None:
    tree = ast.parse(
        inspect.cleandoc(
            """
            import a.b
            from c import d
            class Port:
                @abstractmethod
                def one(self): ...
                def two(self): ...
            """
        )
    )
    assert list(imports(tree)) == ["a.b", "c"]
    (port,) = classes(tree)
    assert [abstract(one) for one in port.body] == [True, False]
