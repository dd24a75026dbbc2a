"""Imports go down only: every module of the package stands in one layer and imports from its own or a lower one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "adtransform"

# Lowest first.  A name covers the module and, for a package, everything in it.
LAYERS = [
    ["version"],
    ["record", "lattice", "ir", "ops", "infer", "build", "errors", "source", "live", "own", "syntax", "files"],
    ["runtime"],
    ["listing", "verify", "interpret", "rewrite"],
    ["failing"],
    ["read"],
    ["rules"],
    ["activity", "calls", "linear", "forward", "reverse", "tape", "place", "optimise"],
    ["algebra", "annotate", "symbolic", "contracts"],
    ["emit"],
    ["modes", "pipeline"],
    ["api"],
    ["cli"],
    ["__init__", "__main__"],
]
LAYER = {name: i for i, names in enumerate(LAYERS) for name in names}


def modules() -> dict[str, Path]:
    """Dotted name inside the package -> file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path], *, executed: bool = False) -> set[str]:
    """The package's modules that a file imports, anywhere in it: a deferred import counts like any other.

    `executed`: those for the type checker alone are left out.
    """
    out = set()
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if not (executed and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            todo += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "adtransform":
                inside = name.removeprefix("adtransform").lstrip(".")
                while inside and inside not in known:
                    inside = inside.rpartition(".")[0]
                out.add(inside or "__init__")
    return out


def test_every_module_has_a_layer() -> None:
    unknown = {name.split(".")[0] for name in modules()} - set(LAYER)
    assert not unknown, f"give {sorted(unknown)} a layer in {Path(__file__).name}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_go_down(name: str) -> None:
    known = modules()
    up = [
        target
        for target in imports(known[name], known)
        if LAYER[target.split(".")[0]] > LAYER[name.split(".")[0]] and target != name
    ]
    assert not up, f"{name} imports {up} from above"


def test_no_cycles() -> None:
    known = modules()
    graph = {name: imports(path, known, executed=True) - {name} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_nobody_imports_the_runtime() -> None:
    """The helpers of emitted code are printed as text; only the printer and the interpreter may look at them."""
    known = modules()
    users = {name.split(".")[0] for name, path in known.items() if "runtime" in imports(path, known)} - {"runtime"}
    assert users <= {"emit", "interpret", "pipeline", "rules", "read"}


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    import sys

    assert not {name.split(".")[-1] for name in modules()} & (set(sys.stdlib_module_names) - {"__main__"})
