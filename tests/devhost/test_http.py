"""HTTP functions behave as on Azure: one test for each documented behaviour, by HTTP alone."""

import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.devhost.programs import Api
from tests.harness import eventually

GUID = "0b6f1d2e-8d1c-4a55-9d0a-3f7f0e1c2b3a"


def echo(api: Api, path: str = "", method: str = "GET", **options: Any) -> dict[str, Any]:
    return api.request(method, f"/api/echo{path}", **options).raise_for_status().json()


def reply(api: Api, **wanted: Any) -> httpx.Response:
    return api.request("POST", "/api/reply", json=wanted)


def received(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    everything = b""
    while part := connection.recv(65536):
        everything += part
    return everything


def exchange(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return received(connection)


def test_functions_are_tried_in_the_order_of_their_names(api: Api) -> None:
    assert api.request("GET", "/api/items/search").text == "item search"


def test_paths_match_in_any_case_and_with_a_trailing_slash(api: Api) -> None:
    assert api.request("GET", "/API/Items/Ab/").text == "item Ab"


def test_the_prefix_is_required(api: Api) -> None:
    assert api.request("GET", "/items/1").status_code == 404


def test_without_a_route_the_function_name_is_the_route(api: Api) -> None:
    assert api.request("PATCH", "/api/unrouted").text == "PATCH"


def test_a_guid_parameter_matches_guids_only(api: Api) -> None:
    assert api.request("GET", f"/api/things/{GUID}").text == f"get {GUID}"
    assert api.request("GET", "/api/things/search").status_code == 404


def test_methods_of_one_path_may_be_different_functions(api: Api) -> None:
    assert api.request("DELETE", f"/api/things/{GUID}").text == f"delete {GUID}"


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_404_with_an_empty_body(api: Api, method: str) -> None:
    answer = api.request(method, f"/api/things/{GUID}")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", ["/api/none/such", "/api/none%0Asuch", "/%0A"])
def test_an_unknown_path_is_404_with_an_empty_body(api: Api, path: str) -> None:
    answer = api.request("GET", path)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(("path", "values"), [("/api/numbers", {}), ("/api/numbers/7", {"n": "7"})])
def test_an_optional_parameter_that_is_absent_is_left_out(
    api: Api, path: str, values: dict[str, str]
) -> None:
    assert api.request("GET", path).json() == values


def test_route_values_are_percent_decoded_except_the_slash(api: Api) -> None:
    assert echo(api, "/a%20b/%C3%BC/c%2Fd")["route"] == {"rest": "a b/ü/c%2Fd"}


def test_a_path_that_is_no_utf8_is_400(api: Api) -> None:
    assert api.request("GET", "/api/echo/%FF").status_code == 400


def test_the_url_is_passed_as_it_was_sent(api: Api) -> None:
    assert echo(api, "/a%20b?x=%2B")["url"] == f"{api.url}/api/echo/a%20b?x=%2B"


def test_repeated_query_keys_are_joined_by_a_comma(api: Api) -> None:
    assert echo(api, "?x=1&y=a%20b&X=2")["query"] == {"x": "1,2", "y": "a b"}


def test_empty_query_values_are_dropped(api: Api) -> None:
    assert echo(api, "?x=&y&z=0")["query"] == {"z": "0"}


def test_header_names_are_lower_case_and_repeated_ones_joined(api: Api) -> None:
    headers = echo(api, headers=[("X-Mark", "1"), ("x-mark", "2"), ("X-Other", "a")])["headers"]
    assert (headers["x-mark"], headers["x-other"]) == ("1,2", "a")


def test_a_body_arrives_byte_for_byte(api: Api) -> None:
    body = bytes(range(256)) * 300
    assert echo(api, method="POST", content=body)["body"].encode("latin-1") == body


def test_a_chunked_body_arrives_empty(api: Api) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"some"
        yield b"thing"

    assert echo(api, method="POST", content=chunks())["body"] == ""


def test_a_body_over_100_mib_is_413(api: Api) -> None:
    with api.connect() as connection:
        head = b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        answer = exchange(connection, head % (104_857_600 + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_synchronous_functions_run_in_the_thread_pool(api: Api) -> None:
    assert echo(api)["pooled"] is True


def test_asynchronous_functions_run_on_the_loop(api: Api) -> None:
    seen = api.request("POST", "/api/aecho", content=b"x").json()
    assert (seen["pooled"], seen["body"]) == (False, "x")


@pytest.mark.parametrize("path", ["/api/echo", "/api/aecho"])
def test_each_invocation_has_an_id_of_its_own_in_context_and_contextvar(api: Api, path: str) -> None:
    first, second = (api.request("GET", path).json() for _ in range(2))
    assert first["invocation"] == first["in_context"]
    assert first["invocation"] != second["invocation"]


def test_status_headers_and_body_are_the_functions(api: Api) -> None:
    answer = reply(api, status=418, body="{}", mimetype="application/json", headers=[("X-Mark", "m")])
    assert (answer.status_code, answer.text) == (418, "{}")
    assert (answer.headers["content-type"], answer.headers["x-mark"]) == ("application/json", "m")


def test_the_default_reply_is_200_as_plain_text(api: Api) -> None:
    answer = reply(api)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_of_repeated_reply_headers_the_last_is_kept(api: Api) -> None:
    answer = reply(api, headers=[("X-Mark", "1"), ("x-mark", "2")])
    assert answer.headers.get_list("x-mark") == ["2"]


def test_every_cookie_is_kept_with_its_attributes_and_its_value_escaped(api: Api) -> None:
    full = "b=2/3; Max-Age=60; Domain=example.com; Path=/x; Secure; HttpOnly; SameSite=Strict"
    dated = "c=3; Expires=Wed, 01 Jan 2031 00:00:00 GMT"
    answer = reply(api, headers=[("Set-Cookie", cookie) for cookie in ("a=1", full, dated)])
    assert answer.headers.get_list("set-cookie") == [
        "a=1",
        "b=2%2F3; max-age=60; domain=example.com; path=/x; secure; samesite=strict; httponly",
        "c=3; expires=Wed, 01 Jan 2031 00:00:00 GMT",
    ]


def test_a_204_has_no_body_and_leaves_the_connection_usable(api: Api) -> None:
    wanted = b'{"status": 204, "body": "left out"}'
    head = b"POST /api/reply HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(wanted)
    after = b"GET /api/text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with api.connect() as connection:
        answer = exchange(connection, head + wanted + after)
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 ")
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_the_length_of_a_reply_is_the_hosts_business(api: Api) -> None:
    answer = reply(api, body="four", headers=[("Content-Length", "9"), ("Transfer-Encoding", "chunked")])
    assert (answer.text, answer.headers.get_list("content-length")) == ("four", ["4"])


def test_a_string_is_a_plain_text_reply(api: Api) -> None:
    answer = api.request("GET", "/api/text")
    assert (answer.text, answer.headers["content-type"]) == ("plain GET", "text/plain; charset=utf-8")


def test_an_exception_is_500_with_an_empty_body(api: Api) -> None:
    answer = api.request("GET", "/api/raises?mark=x")
    assert (answer.status_code, answer.content) == (500, b"")


def test_returning_none_is_500_with_an_empty_body(api: Api) -> None:
    answer = api.request("GET", "/api/nothing")
    assert (answer.status_code, answer.content) == (500, b"")


@pytest.mark.parametrize("wanted", [{"status": 99}, {"status": 700}, {"headers": [("X-Mark", "ü")]}])
def test_a_reply_that_cannot_be_sent_is_500(api: Api, wanted: dict[str, Any]) -> None:
    answer = reply(api, **wanted)
    assert (answer.status_code, answer.content) == (500, b"")


def test_a_function_goes_on_when_its_client_has_gone(api: Api) -> None:
    mark = uuid4().hex
    with api.connect() as connection:
        connection.sendall(f"GET /api/slow?mark={mark} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        eventually(lambda: api.recorded("slow-began", mark=mark))
    api.release(mark)
    assert eventually(lambda: api.recorded("slow", mark=mark)) == [{"mark": mark}]


def test_a_client_that_leaves_before_its_body_is_complete_starts_nothing(api: Api) -> None:
    mark = uuid4().hex
    with api.connect() as connection:
        head = f"POST /api/slow?mark={mark} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        received(connection)
    assert api.request("GET", "/api/text").status_code == 200
    assert api.recorded("slow-began", mark=mark) == []


def test_many_synchronous_functions_run_at_once(api: Api) -> None:
    marks = [uuid4().hex for _ in range(50)]
    connections = [api.connect() for _ in marks]
    for connection, mark in zip(connections, marks, strict=True):
        request = f"GET /api/slow?mark={mark} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
    eventually(lambda: all(api.recorded("slow-began", mark=mark) for mark in marks))
    for mark in marks:
        api.release(mark)
    for connection in connections:
        with connection:
            assert received(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("text", "status", "content_type", "body"),
    [
        ("not { json", 200, "text/plain; charset=utf-8", "not { json"),
        ('{"a": "ü"}', 200, "application/json; charset=utf-8", '{"a":"ü"}'),
        ("[1, 2]", 200, "application/json; charset=utf-8", "[1,2]"),
        ('{"body": "b", "status": 201}', 201, "text/plain; charset=utf-8", "b"),
        ('{"Body": {"c": 1}, "statusCode": "202"}', 202, "application/json; charset=utf-8", '{"c":1}'),
        ('{"body": "b", "status": "odd"}', 200, "text/plain; charset=utf-8", "b"),
        ('{"body": "b", "headers": {"Content-Type": "text/x"}}', 200, "text/x", "b"),
        ('{"body": "b", "status": 700}', 500, None, ""),
        ('{"body": "b", "headers": {"a b": "c"}}', 500, None, ""),
    ],
)
def test_json_in_a_string_reply_is_looked_into(
    api: Api, text: str, status: int, content_type: str | None, body: str
) -> None:
    answer = api.request("POST", "/api/described", content=text.encode())
    assert (answer.status_code, answer.headers.get("content-type"), answer.text) == (
        status,
        content_type,
        body,
    )
