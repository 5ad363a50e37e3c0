"""The infrastructure names what the app names: containers, kinds of upload, functions that blobs start."""

import re

import pytest

from devhost.environment import ROOT
from shared.domain.settlements import SumsDiffer
from shared.domain.uploads import UploadKind
from shared.edge import poison, storage
from tests.test_house import BLOBS

ALERTS = (ROOT / "infra" / "app" / "alerts.bicep").read_text()
BICEP = (ROOT / "infra" / "app" / "storage.bicep").read_text()
# Kinds whose files tell of persons.
PERSONAL = {UploadKind.USERS, UploadKind.RECEIPTS}


def rule(name: str) -> tuple[list[str], str]:
    """The prefixes of a lifecycle rule, and what it does."""
    _, _, rest = BICEP.partition(f"name: '{name}'")
    prefixes, actions = (
        re.findall(r"prefixMatch: \[(.*?)\]", rest, re.DOTALL)[0],
        re.findall(r"actions: (.*)", rest)[0],
    )
    return re.findall(r"'([^']+)'", prefixes), actions


@pytest.mark.parametrize("kind", UploadKind)
def test_each_kind_of_file_is_kept_as_it_must_be(kind: UploadKind) -> None:
    cooled, cools = rule("master-data-cools")
    expired, expires = rule("personal-data-expires")
    prefix = f"{storage.UPLOADS}/{kind}/"
    assert (prefix in cooled, prefix in expired) == (kind not in PERSONAL, kind in PERSONAL)
    assert "tierToCool" in cools
    assert "delete" not in cools
    assert "delete" in expires


def test_the_containers_and_the_queue_are_those_of_the_app() -> None:
    named = set(re.findall(r"'([^']+)'", re.findall(r"var containers = \[(.*)\]", BICEP)[0]))
    assert {storage.UPLOADS, storage.RESULTS, storage.JOBS} <= named
    assert f"'{poison.QUEUE}'" in BICEP


def test_the_container_of_the_audit_is_only_appended_to() -> None:
    _, _, policy = BICEP.partition("/containers/immutabilityPolicies@")
    parent = re.findall(r"parent: (\w+)", policy)[0]
    assert re.search(
        rf"resource {parent} '\S+/containers@\S+' = {{\s+parent: blobs\s+name: '{storage.AUDIT}'", BICEP
    )
    assert re.search(r"^\s+allowProtectedAppendWrites: true$", policy, re.MULTILINE)
    rules = re.findall(r"prefixMatch: \[(.*?)\]", BICEP, re.DOTALL)
    assert rules
    assert not any(f"'{storage.AUDIT}" in rule for rule in rules), "no rule ever deletes it"


def test_each_blob_trigger_has_a_subscription() -> None:
    wanted = {(function, path.partition("/")[0]) for function, path, *_ in BLOBS}
    assert set(re.findall(r"function: '(\w+)', container: '([\w-]+)'", BICEP)) == wanted


def test_alerts_look_for_what_is_logged() -> None:
    """A line is logged by its format, or names an error that ended an attempt."""
    looked_for = re.findall(r"says: '([^']+)'", ALERTS)
    assert len(looked_for) == len(re.findall(r"\bname: '[a-z-]+'", ALERTS)) == 4
    sources = [path.read_text() for path in (ROOT / "shared" / "jobs").glob("*.py")]
    logged = " ".join(re.findall(r'_log\.(?:error|warning)\(\s*f?"([^"]+)"', " ".join(sources)))
    assert "of job %s met %s" in logged
    for says in looked_for:
        assert says in logged or says == f"met {SumsDiffer.__name__}", says
