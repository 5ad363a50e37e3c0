"""The documents: examples that the code understands as they say."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.environment import ROOT
from shared.domain.audit_chain import Damage
from shared.domain.engine import parse_rule
from shared.domain.engine.words import rule_words
from shared.domain.funding import parse_funding
from shared.domain.limits import parse_limits
from shared.domain.schedules import parse_windows
from shared.edge import audit_blobs
from shared.jobs.audit_export import export_due
from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import verify
from tests.jobs.auditing import DAY, NOW, tell, tell_many
from tests.rows import Conn

PROMOTIONS = (ROOT / "docs" / "promotions.md").read_text()
RULES = re.findall(r"```json\n(\{\s*\"schema\".*?)```\n\n> (.*?)\n", PROMOTIONS, re.DOTALL)


@pytest.mark.parametrize("place", range(len(RULES)))
def test_a_rule_of_the_documents_reads_as_they_say(place: int) -> None:
    document, words = RULES[place]
    assert rule_words(parse_rule(json.loads(document)), {}) == words


def test_there_are_rules_in_the_documents() -> None:
    assert len(RULES) == 3


def test_limits_funding_and_windows_of_the_documents_are_understood() -> None:
    (text,) = re.findall(r"```json\n(\{\s*\"limits\".*?)```", PROMOTIONS, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    assert [limit.name for limit in parse_limits(found["limits"])] == [
        "redemptions per customer and day",
        "budget",
    ]
    assert [funder.share for funder in parse_funding(found["funding"])] == [7000, 3000]
    assert len(parse_windows(found["windows"])) == 1


AUDIT = (ROOT / "docs" / "audit.md").read_text()


def test_each_damage_is_explained() -> None:
    told = re.findall(r"^\| `(\w+)` \|", AUDIT, re.MULTILINE)
    assert sorted(told) == sorted([*Damage, "damage"])


@pytest.mark.usefixtures("app")
def test_blobs_of_the_audit_are_verified_without_the_app(conn: Conn, tmp_path: Path) -> None:
    """By the lines of Python in the document, and by nothing else than the standard library."""
    (program,) = re.findall(r"```python\n(.*?)```", AUDIT, re.DOTALL)
    for days in range(2):
        tell_many(conn, 5)
        tell(conn, "with a separator\u2028in its name")
        seal_due(NOW + timedelta(days=days))
    export_due(batch=2, most_blocks=2)
    for days in range(2):
        day = DAY + timedelta(days=days)
        for part in (1, 2):
            length = audit_blobs.extent(day, part).length
            path = tmp_path / audit_blobs.name_of(day, part)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(audit_blobs.read(day, part, at=0, length=length))
    last = verify(DAY + timedelta(days=1)).last_link

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, str(tmp_path), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert run() == (0, f"all holds; the last link is {last}\n")
    assert run("00" * 31 + "01")[0] == 1
    path = tmp_path / audit_blobs.name_of(DAY, 2)
    changed = path.read_bytes().replace(b'"position": 5', b'"position": 6')
    path.write_bytes(changed)
    assert run() == (1, f"broken: {path}, line 1\n")
