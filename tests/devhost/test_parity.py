"""The page on parity names tests that exist."""

import re
from pathlib import Path

from devhost.environment import ROOT

HERE = Path(__file__).parent


def test_every_test_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "host-parity.md").read_text()
    defined = [
        name
        for path in HERE.glob("*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    ]
    files = {path.name for path in HERE.glob("*.py")}
    named = re.findall(r"\b(test_\w+)(\.py|…)?", page)
    assert len(named) > 50
    for name, ending in named:
        if ending == ".py":
            assert f"{name}.py" in files
        elif ending == "…":
            assert any(test.startswith(name) for test in defined), name
        else:
            assert name in defined, name
