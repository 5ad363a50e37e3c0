"""Which function answers a path: ASP.NET route templates, tried in the order of function names."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from devhost.driver import AppError, Function

RESERVED = ("admin", "runtime")

_GUID_HEX = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_INT = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_PATTERNS = {
    "guid": re.compile(rf"[0-9a-f]{{32}}|{_GUID_HEX}|\{{{_GUID_HEX}\}}|\({_GUID_HEX}\)", re.IGNORECASE),
    "alpha": re.compile(r"[a-z]*", re.IGNORECASE),
    "bool": re.compile(r"true|false", re.IGNORECASE),
}
_INT_BITS = {"int": 31, "long": 63}
_NUMBERS: dict[str, Callable[[int, int, int], bool]] = {
    "min": lambda n, low, _: n >= low,
    "max": lambda n, high, _: n <= high,
    "range": lambda n, low, high: low <= n <= high,
}
_LENGTHS: dict[str, Callable[[int, int, int], bool]] = {
    "minlength": _NUMBERS["min"],
    "maxlength": _NUMBERS["max"],
    "length": _NUMBERS["range"],
}
_SEGMENT_PART = re.compile(r"\{([^{}]*)\}|([^{}]+)")
_PARAMETER = re.compile(
    r"(?P<catch>\*{0,2})(?P<name>[^:=?*]+)(?P<rules>(?::[^:=?]+)*)(?P<default>=[^?]*)?(?P<optional>\??)"
)


@dataclass(frozen=True)
class _Parameter:
    name: str
    rules: tuple[Callable[[str], bool], ...]
    default: str | None
    optional: bool
    catch_all: bool

    @property
    def may_be_absent(self) -> bool:
        return self.optional or self.catch_all or self.default is not None


class Template:
    """An ASP.NET route template such as `items/{id:guid}/{*rest}`; matching ignores case."""

    def __init__(self, template: str) -> None:
        self._parameters: list[_Parameter] = []
        pattern = "".join(self._segment(segment) for segment in template.strip("/").split("/") if segment)
        self._pattern = re.compile(pattern, re.IGNORECASE | re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        """Route values when the decoded path fits, without the optional ones it leaves out."""
        found = self._pattern.fullmatch(path.removesuffix("/"))
        if found is None:
            return None
        values: dict[str, str] = {}
        for parameter, text in zip(self._parameters, found.groups(), strict=True):
            value = text or parameter.default
            if value is None:
                continue
            if not all(rule(value) for rule in parameter.rules):
                return None
            values[parameter.name] = value
        return values

    def _segment(self, segment: str) -> str:
        parts = list(_SEGMENT_PART.finditer(segment))
        if "".join(part[0] for part in parts) != segment:
            raise ValueError(f"{segment!r} has unbalanced braces")
        known = len(self._parameters)
        alone = len(parts) == 1
        pattern = "".join(
            re.escape(part[2]) if part[2] else self._value(part[1], alone=alone) for part in parts
        )
        optional = any(parameter.may_be_absent for parameter in self._parameters[known:])
        for earlier in self._parameters[:known]:
            if earlier.catch_all or (earlier.may_be_absent and not optional):
                raise ValueError(f"{segment!r} follows {{{earlier.name}}}, which may be absent")
        return f"(?:/{pattern})?" if optional else f"/{pattern}"

    def _value(self, text: str, *, alone: bool) -> str:
        found = _PARAMETER.fullmatch(text)
        if found is None:
            raise ValueError(f"{{{text}}} is not a parameter")
        rules = tuple(_rule(rule) for rule in found["rules"].split(":")[1:])
        default = found["default"][1:] if found["default"] else None
        parameter = _Parameter(found["name"], rules, default, bool(found["optional"]), bool(found["catch"]))
        if parameter.name.casefold() in (other.name.casefold() for other in self._parameters):
            raise ValueError(f"{{{parameter.name}}} appears twice")
        if parameter.may_be_absent and not alone:
            raise ValueError(f"{{{text}}} shares its segment, so it cannot be optional")
        self._parameters.append(parameter)
        return "(.*)" if parameter.catch_all else "([^/]+)"


@dataclass(frozen=True)
class Route:
    """An HTTP function and the requests it accepts; no methods means every method."""

    function: Function
    text: str
    template: Template
    methods: frozenset[str]

    def accepts(self, method: str) -> bool:
        return not self.methods or method in self.methods


def build(functions: Iterable[Function], prefix: str) -> list[Route]:
    """The table in matching order. AppError for what Azure would refuse as well."""
    routes: list[Route] = []
    # Azure compares names by culture, where case counts last.
    for function in sorted(functions, key=lambda f: (f.name.casefold(), f.name)):
        route = _route(function, prefix)
        for other in routes:
            shared = not route.methods or not other.methods or route.methods & other.methods
            if other.text == route.text and shared:
                raise AppError(f"{function.name} and {other.function.name} have the same route and method")
        routes.append(route)
    return routes


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Function, dict[str, str]] | None:
    """The first function, by name, whose method and template fit the decoded path."""
    for route in routes:
        if route.accepts(method) and (values := route.template.match(path)) is not None:
            return route.function, values
    return None


def _route(function: Function, prefix: str) -> Route:
    text = str(function.trigger.get("route") or function.name).strip("/")
    if text.casefold().startswith(RESERVED):
        raise AppError(f"{function.name}: routes beginning with {' or '.join(RESERVED)} belong to the host")
    try:
        template = Template(f"{prefix}/{text}")
    except ValueError as error:
        raise AppError(f"{function.name}: route {text!r}: {error}") from None
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    return Route(function, text.casefold(), template, methods)


def _rule(text: str) -> Callable[[str], bool]:
    name, _, rest = text.partition("(")
    if name in _PATTERNS and not rest:
        return lambda value: _PATTERNS[name].fullmatch(value) is not None
    if name in _INT_BITS and not rest:
        return lambda value: _is_int(value, _INT_BITS[name])
    bounds = re.fullmatch(r"(-?\d+)(?:,(-?\d+))?\)", rest)
    if bounds is not None:
        low = int(bounds[1])
        high = int(bounds[2] or low)
        if name in _NUMBERS:
            return lambda value: _is_int(value, 63) and _NUMBERS[name](int(value), low, high)
        if name in _LENGTHS:
            return lambda value: _LENGTHS[name](len(value), low, high)
    raise ValueError(f"the local host does not know the constraint {text!r}")


def _is_int(value: str, bits: int) -> bool:
    return _INT.fullmatch(value) is not None and -(2**bits) <= int(value) < 2**bits
