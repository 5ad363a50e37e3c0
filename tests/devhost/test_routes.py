"""Route templates and the order in which functions are tried."""

import pytest

from devhost import routes
from devhost.driver import AppError, Function
from devhost.routes import Template

GUID = "0b6f1d2e-8d1c-4a55-9d0a-3f7f0e1c2b3a"


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("items", "/items", {}),
        ("items", "/ITEMS/", {}),
        ("items", "/items//", None),
        ("items", "/items/1", None),
        ("Items/{id}", "/items/Ab", {"id": "Ab"}),
        ("items/{id}", "/items/", None),
        ("items/{id}", "/items//", None),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/7", {"id": "7"}),
        ("items/{id=5}", "/items", {"id": "5"}),
        ("items/{id:int=5}/{part?}", "/items/6/a", {"id": "6", "part": "a"}),
        ("items/{*rest}", "/items", {}),
        ("items/{*rest}", "/items/a/b", {"rest": "a/b"}),
        ("{**rest}", "/a/b", {"rest": "a/b"}),
        ("files/{name}.{kind}", "/files/a.b.csv", {"name": "a.b", "kind": "csv"}),
        ("files/v{n:int}", "/files/v3", {"n": "3"}),
        ("files/v{n:int}", "/files/3", None),
        ("a.c", "/abc", None),
        ("x/{id:guid}", f"/x/{GUID}", {"id": GUID}),
        ("x/{id:guid}", f"/x/{{{GUID.upper()}}}", {"id": f"{{{GUID.upper()}}}"}),
        ("x/{id:guid}", f"/x/{GUID.replace('-', '')}", {"id": GUID.replace("-", "")}),
        ("x/{id:guid}", f"/x/{GUID[:-1]}", None),
        ("x/{id:guid}", "/x/search", None),
        ("x/{id:guid?}", "/x", {}),
        ("x/{id:int}", "/x/-12", {"id": "-12"}),
        ("x/{id:int}", "/x/2147483647", {"id": "2147483647"}),
        ("x/{id:int}", "/x/2147483648", None),
        ("x/{id:long}", "/x/2147483648", {"id": "2147483648"}),
        ("x/{id:int}", "/x/1.5", None),
        ("x/{id:int}", "/x/٣", None),
        ("x/{id:int:min(3)}", "/x/2", None),
        ("x/{id:max(3)}", "/x/3", {"id": "3"}),
        ("x/{id:range(1,3)}", "/x/4", None),
        ("x/{id:alpha:length(2,3)}", "/x/abc", {"id": "abc"}),
        ("x/{id:alpha:length(2)}", "/x/abc", None),
        ("x/{id:alpha}", "/x/a1", None),
        ("x/{id:minlength(2)}", "/x/a", None),
        ("x/{id:bool}", "/x/True", {"id": "True"}),
    ],
)
def test_a_template_matches_as_in_asp_net(template: str, path: str, values: dict[str, str] | None) -> None:
    assert Template(template).match(path) == values


@pytest.mark.parametrize(
    "template",
    [
        "x/{id",
        "x/id}",
        "x/{}",
        "x/{id:nonsense}",
        "x/{id:min}",
        "x/{id:int(3)}",
        "x/{id}/{ID}",
        "x/{*rest}/y",
        "x/{*rest}/{more?}",
        "x/{id?}/y",
        "x/{id?}/{other}",
        "x/{name}.{kind?}",
    ],
)
def test_a_template_the_host_cannot_honour_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Template(template)


def function(name: str, route: str | None = None, *methods: str) -> Function:
    trigger = {"type": "httpTrigger", "name": "req", "route": route, "methods": methods}
    return Function(name, name, trigger, (trigger,))


def test_the_first_by_name_wins_not_the_most_specific() -> None:
    table = routes.build([function("z_search", "items/search"), function("a_item", "items/{id}")], "api")
    found = routes.find(table, "GET", "/api/items/search")
    assert found is not None
    assert found[0].name == "a_item"


def test_a_route_that_only_fits_another_method_is_passed_over() -> None:
    table = routes.build([function("a", "x", "GET"), function("b", "X", "post")], "")
    found = routes.find(table, "POST", "/x")
    assert found is not None
    assert found[0].name == "b"


@pytest.mark.parametrize("route", ["admin", "Admin/x", "administrators", "/runtime/x"])
def test_reserved_prefixes_are_refused(route: str) -> None:
    with pytest.raises(AppError, match="belong to the host"):
        routes.build([function("mine", route)], "api")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (function("a", "x/{id}", "GET"), function("b", "X/{id}/", "GET", "POST")),
        (function("a", "x"), function("b", "x", "PUT")),
        (function("a", "b"), function("b")),
    ],
)
def test_equal_route_and_method_are_refused(first: Function, second: Function) -> None:
    with pytest.raises(AppError, match=r"(a and b|b and a) have"):
        routes.build([first, second], "api")
