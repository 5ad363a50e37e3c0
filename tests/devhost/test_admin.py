"""The host's own API, by HTTP alone: list the functions, run one now."""

import pytest

from tests.devhost.programs import Api
from tests.harness import eventually


def test_the_functions_are_listed_with_their_bindings(api: Api) -> None:
    listed = {
        function["name"]: function["config"]["bindings"]
        for function in api.request("GET", "/admin/functions").json()
    }
    assert {"type": "httpTrigger", "name": "req", "route": "things/{id:guid}"}.items() <= listed["get_thing"][
        0
    ].items()
    assert listed["get_thing"][0]["methods"] == ["GET"]
    assert listed["get_thing"][0]["authLevel"] == "ANONYMOUS"


def test_a_timer_function_runs_now_with_the_documented_payload(api: Api) -> None:
    before = len(api.recorded("tick"))
    answer = api.request("POST", "/admin/functions/tick", json={"input": ""})
    assert (answer.status_code, answer.content) == (202, b"")
    (ran,) = eventually(lambda: api.recorded("tick")[before:])
    assert (ran["past_due"], ran["schedule"]) == (False, {"AdjustForDST": True})
    assert ran["status"].keys() == {"Last", "Next", "LastUpdated"}
    assert ran["status"]["Last"] == "0001-01-01T00:00:00+00:00"


def test_the_name_is_found_in_any_case(api: Api) -> None:
    assert api.request("POST", "/admin/functions/TICK", json={}).status_code == 202


def test_an_unknown_function_is_404(api: Api) -> None:
    assert api.request("POST", "/admin/functions/nobody", json={"input": ""}).status_code == 404


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
def test_what_cannot_be_run_so_is_400(api: Api, function: str, body: bytes) -> None:
    assert api.request("POST", f"/admin/functions/{function}", content=body).status_code == 400
