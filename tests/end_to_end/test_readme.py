"""The README's own commands, pasted into a shell as a new user would."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.driving import load_samples
from tests.harness import Msg91, RunningHost

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_first_sale_by_hand(
    blocks: list[str], running_host: Callable[..., RunningHost], msg91: Msg91, database_url: str
) -> None:
    host = running_host()
    load_samples(host, msg91, database_url)
    script = "\n".join(f"{block}\necho '--- end of block'" for block in blocks)
    result = subprocess.run(
        ["/bin/sh", "-euc", script],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "API": f"{host.url}/api/v1", "SMS": f"{msg91.url}/messages"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr + host.log()
    assert result.stderr == ""
    helpers, upload, promotion, sale, replay, problem, timer = result.stdout.split("--- end of block\n")[:-1]
    assert helpers == ""

    status, *rejected = upload.splitlines()
    assert json.loads(status)["rows"] == {
        "read": 12,
        "inserted": 7,
        "updated": 0,
        "unchanged": 0,
        "rejected": 5,
    }
    assert len(rejected) == 6, "a header and five rows"
    assert json.loads(promotion)["status"] == "Active"

    quoted, recorded = map(json.loads, sale.splitlines())
    for answer in (quoted, recorded):
        assert [line["discount"] for line in answer["lines"]] == ["3.34", "3.33", "3.33"]
        assert (answer["gross"], answer["discount"], answer["net"]) == ("99.99", "10.00", "89.99")
    assert quoted["transaction"] is None

    one_sale, listed, read_back = replay.splitlines()
    assert one_sale == "one sale"
    assert [each["id"] for each in json.loads(listed)["items"]] == [recorded["transaction"]["id"]]
    assert json.loads(read_back)["quote"]["lines"] == recorded["lines"]
    assert {each["pointer"] for each in json.loads(problem)["errors"]} == {"/lines/0/quantity"}
    assert timer == ""
