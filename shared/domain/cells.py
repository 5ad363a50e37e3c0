"""Cells: how the text of one cell is read, and the faults it can have.

A reader gets a cell without surrounding blanks that is not empty, and returns the text the database stores.
It must refuse everything the database would refuse: one such cell would stop the whole file.
"""

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from shared.domain.countries import COUNTRIES
from shared.domain.money import EXPONENTS

type Reader = Callable[[str], str]

_CODE = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]+(?: [^\s\x00-\x1f\x7f-\x9f]+)*")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_PRICE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,4})?")
_TAX_RATE = re.compile(r"(?:100(?:\.0{1,2})?|[0-9]{1,2}(?:\.[0-9]{1,2})?)")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?")
_BOOLEANS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


class CellRefused(Exception):
    """The text does not say what its column wants; `code` is one of row_errors.WORDS."""

    def __init__(self, code: str, other: object = "") -> None:
        super().__init__(code)
        self.code = code
        self.other = str(other)


def text(most: int) -> Reader:
    """Any text of at most `most` characters."""

    def read(value: str) -> str:
        if len(value) > most:
            raise CellRefused("text_too_long", most)
        return value

    return read


def code(most: int) -> Reader:
    """An identifier: printable, single blanks inside at most."""

    def read(value: str) -> str:
        if len(value) > most:
            raise CellRefused("text_too_long", most)
        if not _CODE.fullmatch(value):
            raise CellRefused("code_malformed")
        if "+" in value and _SCIENTIFIC.fullmatch(value):
            raise CellRefused("spreadsheet_damage")
        return value

    return read


def price(value: str) -> str:
    if not _PRICE.fullmatch(value):
        raise CellRefused("price_malformed")
    return value


def price_in_currency(value: str, currency: str) -> str:
    """The price with exactly the decimals of its currency."""
    exponent = EXPONENTS[currency]
    units, _, decimals = value.partition(".")
    if len(decimals) == exponent:
        return value
    if decimals[exponent:].strip("0"):
        raise CellRefused("price_too_exact", exponent)
    return f"{units}.{decimals[:exponent]:0<{exponent}}" if exponent else units


def currency(value: str) -> str:
    if value not in EXPONENTS:
        raise CellRefused("currency_unknown")
    return value


def tax_rate_pct(value: str) -> str:
    if not _TAX_RATE.fullmatch(value):
        raise CellRefused("tax_rate_malformed")
    return value


def boolean(value: str) -> str:
    read = _BOOLEANS.get(value.lower())
    if read is None:
        raise CellRefused("boolean_malformed")
    return read


def country(value: str) -> str:
    if value not in COUNTRIES:
        raise CellRefused("country_unknown")
    return value


def zone(value: str) -> str:
    if value not in _zones():
        raise CellRefused("zone_unknown")
    return value


def latitude(value: str) -> str:
    if not _DEGREES.fullmatch(value) or not -90 <= float(value) <= 90:
        raise CellRefused("latitude_malformed")
    return value


def longitude(value: str) -> str:
    if not _DEGREES.fullmatch(value) or not -180 <= float(value) <= 180:
        raise CellRefused("longitude_malformed")
    return value


def not_itself(parent_id: str, store_id: str) -> str:
    if parent_id == store_id:
        raise CellRefused("own_parent")
    return parent_id


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")
