"""Keys: asked for on demand, each opening what it should and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from devhost.keys import Gate, Keys
from tests.conftest import StorageAccounts
from tests.devhost.apps import http, write_app
from tests.devhost.programs import Host, Program, blob_created
from tests.harness import eventually, free_ports

OPEN, CLOSED = 200, 401
KEYS = ("locked", "locked_too", "host", "master", "blobs_extension")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, azurite: StorageAccounts) -> Iterator[Host]:
    """A host that asks for keys."""
    folder = tmp_path_factory.mktemp("guarded")
    host = Host(folder, azurite.connection_string(), "--enable-auth", port=free_ports(1)[0])
    host.start()
    yield host
    host.blobs.close()
    host.stop()


def key(host: Host, name: str) -> str:
    assert host.url
    kept = json.loads((host.state / "keys.json").read_text())
    return kept[name] if name in kept else kept["functions"][name]


@pytest.mark.parametrize(
    ("method", "path", "openers"),
    [
        ("GET", "/api/locked", {"locked", "host", "master"}),
        ("GET", "/api/locked-too", {"locked_too", "host", "master"}),
        ("GET", "/api/mastered", {"master"}),
        ("GET", "/api/text", {*KEYS, None}),
        ("GET", "/admin/functions", {"master"}),
        ("POST", "/admin/functions/tick", {"master"}),
        (
            "POST",
            "/runtime/webhooks/blobs?functionName=Host.Functions.take_client",
            {"blobs_extension", "master"},
        ),
    ],
)
@pytest.mark.parametrize("how", ["header", "query"])
def test_a_key_opens_what_it_should(
    guarded: Host, method: str, path: str, openers: set[str | None], how: str
) -> None:
    for name in (*KEYS, None):
        shown = "wrong" if name is None else key(guarded, name)
        sent = {"headers": {"x-functions-key": shown}} if how == "header" else {}
        joined = f"{path}{'&' if '?' in path else '?'}code={shown}" if how == "query" else path
        answer = guarded.request(method, joined, json=[] if "webhooks" in path else {}, **sent)
        assert (answer.status_code != CLOSED) is (name in openers), name
        if answer.status_code == CLOSED:
            assert answer.content == b""


@pytest.mark.parametrize("path", ["/api/locked", "/api/mastered", "/admin/functions"])
def test_no_key_opens_nothing_that_is_locked(guarded: Host, path: str) -> None:
    answer = guarded.request("GET", path)
    assert (answer.status_code, answer.content) == (CLOSED, b"")


def test_the_header_counts_before_the_query(guarded: Host) -> None:
    good = key(guarded, "locked")
    path = "/api/locked?code="
    assert guarded.request("GET", f"{path}wrong", headers={"x-functions-key": good}).status_code == OPEN
    assert guarded.request("GET", f"{path}{good}", headers={"x-functions-key": "wrong"}).status_code == CLOSED


def test_an_unknown_path_is_404_before_it_is_401(guarded: Host) -> None:
    assert guarded.request("GET", "/api/none").status_code == 404


def test_a_key_is_not_logged(guarded: Host) -> None:
    guarded.request("GET", f"/api/locked?code={key(guarded, 'locked')}")
    guarded.request("GET", "/api/locked?code=wrong-one")
    assert key(guarded, "locked") not in guarded.errors
    assert "wrong-one" not in guarded.errors


def test_the_event_grid_shows_its_key(guarded: Host, tmp_path: Path) -> None:
    where = ("--functions-url", guarded.fixed_url, "--state", str(tmp_path), "--keys", str(guarded.state))
    grid = Program(tmp_path / "grid", guarded.environment, "devhost.events", *where)
    grid.start()
    guarded.upload("uploads", "keyed", "keyed")
    eventually(lambda: guarded.recorded("client", name="keyed"))
    assert grid.stop() == 0


def test_without_the_option_no_key_is_asked_for(host: Host) -> None:
    for path in ("/api/locked", "/api/mastered", "/admin/functions"):
        assert host.request("GET", path).status_code == OPEN
    assert host.deliver("take_client", [blob_created("uploads", "gone")]).status_code == 202
    assert not (host.state / "keys.json").exists()


def test_keys_are_made_once_for_their_owner_alone_and_new_functions_get_theirs(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", http("first", "auth_level=func.AuthLevel.FUNCTION"))
    one = Host(tmp_path, "", "--enable-auth", app=app)
    path = one.state / "keys.json"
    kept: list[dict[str, object]] = []
    for _ in range(2):
        one.start()
        assert one.request("GET", f"/api/first?code={key(one, 'first')}").status_code == OPEN
        one.stop()
        kept.append(json.loads(path.read_text()))
        assert path.stat().st_mode & 0o777 == 0o600
        with (app / "function_app.py").open("a") as file:
            file.write(http("second", "auth_level=func.AuthLevel.FUNCTION"))
    first, second = kept
    assert first["functions"] != second["functions"]
    assert first["functions"].items() <= second["functions"].items()  # type: ignore[union-attr]
    assert {name: value for name, value in first.items() if name != "functions"} == {
        name: value for name, value in second.items() if name != "functions"
    }
    every = [*second["functions"].values(), *(value for value in second.values() if isinstance(value, str))]  # type: ignore[union-attr]
    assert len(set(every)) == len(every) == 5


def test_the_level_that_nobody_set_is_function(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", "app = func.FunctionApp()\n" + http("f", "route='f'"))
    one = Host(tmp_path, "", "--enable-auth", app=app)
    one.start()
    assert one.request("GET", "/api/f").status_code == CLOSED
    assert one.request("GET", f"/api/f?code={key(one, 'f')}").status_code == OPEN
    one.stop()


def test_a_binding_without_a_level_is_one_of_level_function() -> None:
    gate = Gate(Keys(master="m", host="h", blobs_extension="b", functions={"f": "k"}))
    shown = {"type": "http", "query_string": b"", "headers": [(b"x-functions-key", b"k")]}
    assert gate.lets_call(Request(shown), "f", "")
    assert not gate.lets_call(Request(shown | {"headers": []}), "f", "")
