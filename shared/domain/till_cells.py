"""Till cells: local times, quantities and amounts as tills write them, in the forms that a mapping names."""

import re
from datetime import datetime

from shared.domain.cells import CellRefused, Reader
from shared.domain.money import EXPONENTS

MOST_UNITS = 999_999
ISO = "YYYY-MM-DD HH:mm:ss"

_YEARS = range(1970, 3000)
_TOKENS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short_year>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "hh": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "A": r"(?P<half>[AaPp]\.?[Mm]\.?)",
}
_TOKEN = re.compile("|".join(_TOKENS))
_ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?"
)
# Days that there are, also in a February that is not of a leap year.
_ISO_PLAIN = (
    "20[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    "|(?:0[13578]|1[02])-31) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
)
_WHOLE = re.compile(r"-?[0-9]{1,6}")
_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:[.,][0-9]{1,4})?")
_MARKED = {
    mark: re.compile(
        rf"-?(?:[0-9]{{1,12}}|[0-9]{{1,3}}(?:[{other}' \u00a0\u2009\u202f][0-9]{{3}}){{1,3}})"
        rf"(?:{re.escape(mark)}[0-9]{{1,4}})?"
    )
    for mark, other in ((".", ","), (",", "."))
}
_GROUPING = re.compile(r"[' \u00a0\u2009\u202f]")


class FormatInvalid(Exception):
    """The text is no form of a date or time; its message says why."""


def local_time(form: str = ISO) -> Reader:
    """A date and time by the store's clock, written in `form`. Raises FormatInvalid."""
    pattern = _ISO if form == ISO else _pattern(form)
    _require(pattern, form, "month", "day", "hour", "minute")
    return _reader(form, pattern, "%Y-%m-%d %H:%M:%S", _ISO_PLAIN if form == ISO else None)


def local_date(form: str = "YYYY-MM-DD") -> Reader:
    """Raises FormatInvalid."""
    pattern = _pattern(form)
    _require(pattern, form, "month", "day")
    return _reader(form, pattern, "%Y-%m-%d")


def time_of_day(form: str = "HH:mm:ss") -> Reader:
    """Raises FormatInvalid."""
    pattern = _pattern(form)
    _require(pattern, form, "hour", "minute", date=False)
    return _reader(form, pattern, "%H:%M:%S")


def quantity(mark: str | None = None) -> Reader:
    """A whole number of units; a till may write it with decimals that are zero."""

    def read(value: str) -> str:
        units = value
        if mark is not None:
            units, _, decimals = value.partition(mark)
            if decimals.strip("0"):
                raise CellRefused("quantity_malformed")
        if not _WHOLE.fullmatch(units) or int(units) == 0:
            raise CellRefused("quantity_malformed")
        return str(int(units))

    return Reader("quantity", "a whole number, below zero for goods that came back", read)


def amount(mark: str | None = None, currency: str | None = None) -> Reader:
    """An amount, made whole minor units where the currency is known to be always the same.

    Without a `mark` either decimal mark is taken, and no thousands separator.
    """

    def read(value: str) -> str:
        if mark is None:
            if not _AMOUNT.fullmatch(value):
                raise CellRefused("amount_malformed")
            return value
        if not _MARKED[mark].fullmatch(value):
            raise CellRefused("amount_malformed")
        whole, _, decimals = _GROUPING.sub("", value).partition(mark)
        text = re.sub(r"[.,]", "", whole) + (f".{decimals}" if decimals else "")
        return text if currency is None else exact_in_minor(text, currency)

    return Reader("amount", "digits with a decimal mark, a minus sign for what was paid back", read)


def in_minor(value: str, currency: str) -> str:
    """The amount in minor units; one that could have a thousands separator is refused."""
    whole, _, decimals = value.replace(",", ".").partition(".")
    if len(decimals) == 3 and EXPONENTS[currency] != 3 and len(whole.lstrip("-")) <= 3:
        raise CellRefused("thousands_separated")
    return exact_in_minor(value.replace(",", "."), currency)


def exact_in_minor(value: str, currency: str) -> str:
    """The amount, which has a decimal point, in minor units."""
    exponent = EXPONENTS[currency]
    whole, _, decimals = value.partition(".")
    if decimals[exponent:].strip("0"):
        raise CellRefused("price_too_exact", exponent)
    return str(int(f"{whole}{decimals[:exponent]:0<{exponent}}"))


def _pattern(form: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(form):
        parts += [_literal(form[end : token.start()]), _TOKENS[token[0]]]
        end = token.end()
    try:
        return re.compile("".join([*parts, _literal(form[end:])]))
    except re.error as error:
        raise FormatInvalid("it names a part twice") from error


def _literal(text: str) -> str:
    if any(letter.isalnum() and letter != "T" for letter in text):
        raise FormatInvalid(f"of {text!r} nothing is known; the parts are {', '.join(_TOKENS)}")
    return re.escape(text)


def _require(pattern: re.Pattern[str], form: str, *parts: str, date: bool = True) -> None:
    named = set(pattern.groupindex)
    lacking = [part for part in parts if part not in named]
    if date and not named & {"year", "short_year"}:
        lacking.insert(0, "year")
    if lacking:
        raise FormatInvalid(f"it lacks the {lacking[0]}")
    if ("hh" in form) != ("A" in form):
        raise FormatInvalid("hh goes with A, and A with hh")


def _reader(form: str, pattern: re.Pattern[str], written: str, plain: str | None = None) -> Reader:
    def read(value: str) -> str:
        found = pattern.fullmatch(value)
        if found is None:
            raise CellRefused("local_time_malformed", form)
        parts = found.groupdict()
        try:
            local = datetime(  # noqa: DTZ001 - by the clock of a store that is not known here
                int(parts.get("year") or f"20{parts.get('short_year') or '00'}"),
                int(parts.get("month") or 1),
                int(parts.get("day") or 1),
                _hour(int(parts.get("hour") or 0), parts.get("half")),
                int(parts.get("minute") or 0),
                int(parts.get("second") or 0),
            )
        except ValueError:
            raise CellRefused("local_time_malformed", form) from None
        if local.year not in _YEARS:
            raise CellRefused("local_time_malformed", form)
        return local.strftime(written)

    return Reader("local time", f"by the store's clock, written {form}", read, plain)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half[0] in "Pp" else 0)
