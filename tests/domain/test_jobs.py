"""Jobs: names of blobs, pauses, and what slices come to together."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.domain.jobs import JobStatus, Wake, blob_name, job_id_of, outcome, pause_after

ID = UUID("0192f0c1-0000-7000-8000-00000000abcd")


def test_a_blob_leads_to_its_job() -> None:
    assert job_id_of(blob_name(Wake(ID, 12))) == ID


@pytest.mark.parametrize(
    "name",
    ["", f"{ID}", f"{ID}/", f"{ID}/x", f"a/{ID}/1", f"{ID}/1/2", f"{ID.hex}/1", str(ID).upper() + "/1"],
)
def test_names_never_given_out(name: str) -> None:
    assert job_id_of(name) is None


def test_each_pause_is_longer() -> None:
    assert [pause_after(attempt) / timedelta(seconds=1) for attempt in range(1, 5)] == [10, 20, 40, 80]


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ("completed completed", "completed"),
        ("completed running", None),
        ("completed queued", None),
        ("failed running", None),
        ("failed completed cancelled", "failed"),
        ("cancelled completed", "cancelled"),
    ],
)
def test_what_slices_come_to(slices: str, expected: str | None) -> None:
    counts = {status: slices.split().count(status) for status in JobStatus}
    assert outcome(counts) == expected


def test_what_has_ended() -> None:
    assert [status.value for status in JobStatus if status.ended] == ["completed", "failed", "cancelled"]
