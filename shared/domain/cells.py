"""Cells: how the text of one cell is read, and the faults it can have.

A reader gets a cell without surrounding blanks that is not empty, and returns the text the database stores.
It must refuse everything the database would refuse: one such cell would stop the whole file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from zoneinfo import available_timezones

from shared.domain.countries import COUNTRIES
from shared.domain.money import EXPONENTS


@dataclass(frozen=True, slots=True)
class Reader:
    """How a cell is read. `type` and `says` tell whoever makes files what it takes.

    `plain` is a pattern of texts that are read as they are, for readers of columns without repeats: one
    look with it at all of them together is many times faster than reading each.
    """

    type: str
    says: str
    read: Callable[[str], str]
    plain: str | None = None

    def __call__(self, value: str) -> str:
        return self.read(value)


_CODE = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]+(?: [^\s\x00-\x1f\x7f-\x9f]+)*")
# As spreadsheets write them, and hardly anybody else: codes like 5E12 and 12-MAR are codes.
_NUMBERED = re.compile(r"-?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]+")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATED = re.compile(
    rf"[0-9]{{1,2}}-(?:{_MONTHS})(?:-[0-9]{{2,4}})?|(?:{_MONTHS})-[0-9]{{2,4}}"
    r"|[0-9]{1,2}([/.])[0-9]{1,2}\1(?:[0-9]{2}|[0-9]{4})|(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?: 00:00:00)?"
)
_BROKEN = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|[#]+)")
_PRICE = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,4})?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ .,'\u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]{1,4})?")
_TAX_RATE = re.compile(r"(?:100(?:[.,]0{1,2})?|[0-9]{1,2}(?:[.,][0-9]{1,2})?)")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?")
# Of E.164 with what people put between the digits, and a trunk zero that it does not have.
_PHONE = re.compile(r"(?:\+|00) ?[1-9](?:[ \u00a0()./-]*[0-9]){6,15}")
_NO_DIGITS = re.compile(r"[^0-9]+")
_EMAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,180}\.[^\s@,;<>\".]{2,60}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
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

    return Reader("text", f"at most {most} characters", read, rf"\S(?:[^\n]{{0,{most - 2}}}\S)?")


def code(most: int) -> Reader:
    """An identifier: printable, single blanks inside at most, and nothing a spreadsheet made of one."""

    def read(value: str) -> str:
        if len(value) > most:
            raise CellRefused("text_too_long", most)
        if not _CODE.fullmatch(value):
            raise CellRefused("code_malformed")
        if _NUMBERED.fullmatch(value):
            raise CellRefused("spreadsheet_number")
        if _DATED.fullmatch(value):
            raise CellRefused("spreadsheet_date")
        if value[0] == "#" and _BROKEN.fullmatch(value):
            raise CellRefused("spreadsheet_fault")
        return value

    return Reader(
        "code",
        f"at most {most} printable characters, single blanks inside at most",
        read,
        rf"(?:[A-Z][A-Z0-9_-]{{0,{most - 1}}}|[A-Z0-9]{{1,{most}}})",
    )


def _price(value: str) -> str:
    if not _PRICE.fullmatch(value):
        raise CellRefused("thousands_separated" if _GROUPED.fullmatch(value) else "price_malformed")
    return value


def price_in_currency(value: str, currency: str) -> str:
    """The price with a point and exactly the decimals of its currency."""
    exponent = EXPONENTS[currency]
    units, comma, decimals = value.partition(",")
    if not comma:
        units, _, decimals = value.partition(".")
    # Three digits behind the separator mean thousands to one reader and decimals to another.
    if len(decimals) == 3 and (comma or exponent != 3) and len(units) <= 3:
        raise CellRefused("thousands_separated")
    if len(decimals) == exponent and not comma:
        return value
    if decimals[exponent:].strip("0"):
        raise CellRefused("price_too_exact", exponent)
    return f"{units}.{decimals[:exponent]:0<{exponent}}" if exponent else units


def _currency(value: str) -> str:
    if value not in EXPONENTS:
        raise CellRefused("currency_unknown")
    return value


def _tax_rate_pct(value: str) -> str:
    if not _TAX_RATE.fullmatch(value):
        raise CellRefused("tax_rate_malformed")
    return value.replace(",", ".")


def _boolean(value: str) -> str:
    read = _BOOLEANS.get(value.lower())
    if read is None:
        raise CellRefused("boolean_malformed")
    return read


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise CellRefused("country_unknown")
    return value


def _zone(value: str) -> str:
    if value not in _zones():
        raise CellRefused("zone_unknown")
    return value


def _latitude(value: str) -> str:
    if not _DEGREES.fullmatch(value) or not -90 <= float(value) <= 90:
        raise CellRefused("latitude_malformed")
    return value


def _longitude(value: str) -> str:
    if not _DEGREES.fullmatch(value) or not -180 <= float(value) <= 180:
        raise CellRefused("longitude_malformed")
    return value


def _phone(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise CellRefused("spreadsheet_number" if _NUMBERED.fullmatch(value) else "phone_malformed")
    return "+" + _NO_DIGITS.sub("", value).removeprefix("00")


def _email(value: str) -> str:
    if len(value) > 254 or not _EMAIL.fullmatch(value):
        raise CellRefused("email_malformed")
    return value.lower()


def _uuid(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise CellRefused("uuid_malformed")
    return value.lower()


def one_of(names: Sequence[str]) -> Reader:
    """One of these names."""

    def read(value: str) -> str:
        if value not in names:
            raise CellRefused("not_one_of", ", ".join(names))
        return value

    return Reader("name", "one of " + ", ".join(names), read)


def codes(most: int, count: int) -> Reader:
    """Several codes with blanks, commas, semicolons or bars between them; stored with single blanks."""
    one = code(most).read

    def read(value: str) -> str:
        found = dict.fromkeys(each for each in re.split(r"[\s,;|]+", value) if each)
        if len(found) > count:
            raise CellRefused("too_many_codes", count)
        return " ".join(map(one, found))

    return Reader("codes", f"at most {count} codes without blanks, separated by blanks, commas or bars", read)


def in_a_plan(reader: Reader, normalise: Callable[[str], str | None]) -> Reader:
    """As `reader`, but only phone numbers that `normalise` knows, in the form that it gives them."""

    def read(value: str) -> str:
        found = normalise(reader.read(value))
        if found is None:
            raise CellRefused("phone_invalid")
        return found

    return replace(reader, read=read)


def not_itself(parent_id: str, store_id: str) -> str:
    if parent_id == store_id:
        raise CellRefused("own_parent")
    return parent_id


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


price = Reader("price", "digits with a decimal point or comma and no thousands separator", _price)
currency = Reader("currency", "three letters of ISO 4217", _currency)
tax_rate_pct = Reader("percent", "0 to 100 with at most two decimals, point or comma", _tax_rate_pct)
boolean = Reader("boolean", "true or false, yes or no, 1 or 0", _boolean)
country = Reader("country", "two letters of ISO 3166-1", _country)
zone = Reader("zone", "a time zone of the IANA list, like Europe/Rome", _zone)
latitude = Reader("latitude", "degrees from -90 to 90 with a decimal point", _latitude)
longitude = Reader("longitude", "degrees from -180 to 180 with a decimal point", _longitude)
phone = Reader("phone", "with the country's code, like +390612345678; kept in the form of E.164", _phone)
uuid = Reader(
    "uuid",
    "32 hexadecimal digits in five groups, as replies of the API have ids",
    _uuid,
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
)
email = Reader("email", "an e-mail address; kept in lower case", _email)
