"""The host's own API: list the functions, run one now."""

from uuid import uuid4

import pytest

from tests.devhost.programs import Host, eventually


def test_the_functions_are_listed_with_their_bindings(host: Host) -> None:
    listed = {
        function["name"]: function["config"]["bindings"]
        for function in host.request("GET", "/admin/functions").json()
    }
    assert {"type": "httpTrigger", "name": "req", "route": "things/{id:guid}"}.items() <= listed["get_thing"][
        0
    ].items()
    assert listed["get_thing"][0]["methods"] == ["GET"]
    assert listed["get_thing"][0]["authLevel"] == "ANONYMOUS"


def test_settings_between_percent_signs_are_resolved(host: Host) -> None:
    listed = {
        function["name"]: function["config"]["bindings"]
        for function in host.request("GET", "/admin/functions").json()
    }
    assert listed["tick"][0]["schedule"] == host.environment["TICK_SCHEDULE"]


def test_a_timer_function_runs_now_with_the_documented_payload(host: Host) -> None:
    before = len(host.recorded("tick"))
    answer = host.request("POST", "/admin/functions/tick", json={"input": ""})
    assert (answer.status_code, answer.content) == (202, b"")
    (ran,) = eventually(lambda: host.recorded("tick")[before:])
    assert (ran["past_due"], ran["schedule"]) == (False, {"AdjustForDST": True})
    assert ran["status"].keys() == {"Last", "Next", "LastUpdated"}
    assert ran["status"]["Last"] == "0001-01-01T00:00:00+00:00"


def test_the_name_is_found_in_any_case(host: Host) -> None:
    assert host.request("POST", "/admin/functions/TICK", json={}).status_code == 202


def test_a_blob_function_runs_now_for_the_blob_named(host: Host) -> None:
    name = f"{uuid4()}.csv"
    host.upload("uploads", name, "by hand")
    answer = host.request("POST", "/admin/functions/take_client", json={"input": f"uploads/{name}"})
    assert answer.status_code == 202
    assert eventually(lambda: host.recorded("client", name=name))[0]["content"] == "by hand"


def test_an_unknown_function_is_404(host: Host) -> None:
    assert host.request("POST", "/admin/functions/nobody", json={"input": ""}).status_code == 404


@pytest.mark.parametrize(
    ("function", "body"),
    [
        ("tick", b"{"),
        ("tick", b"[]"),
        ("tick", b'{"input": 1}'),
        ("take_client", b'{"input": "no-blob"}'),
        ("echo", b'{"input": ""}'),
    ],
)
def test_what_cannot_be_run_so_is_400(host: Host, function: str, body: bytes) -> None:
    assert host.request("POST", f"/admin/functions/{function}", content=body).status_code == 400
