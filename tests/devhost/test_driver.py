"""The driver stays on the runtime's exported API."""

import ast
from pathlib import Path

import azure_functions_runtime as runtime

import devhost

USED_AS = "azure_functions_runtime"


def used(path: Path) -> set[str]:
    """Everything a module takes from the runtime, modules inside it included."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    aliases: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            inside = [name for name in node.names if name.name.split(".")[0] == USED_AS]
            names |= {name.name.partition(".")[2] for name in inside if "." in name.name}
            aliases |= {name.asname or name.name for name in inside}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == USED_AS:
            inner = (node.module or "").partition(".")[2]
            names |= {inner} if inner else {name.name for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            names.add(node.attr)
    return names


def test_nothing_but_the_exported_api_is_used() -> None:
    modules = Path(devhost.__path__[0]).rglob("*.py")
    everything = set[str]().union(*(used(path) for path in modules))
    assert "invocation_request" in everything
    assert everything <= set(runtime.__all__)
