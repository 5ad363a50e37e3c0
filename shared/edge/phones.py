"""Phone numbers: as they are written, as they are kept (E.164), and which of them a code may be sent to."""

from collections.abc import Collection
from typing import ClassVar

from shared.domain.errors import Refused


class PhoneInvalid(Refused):
    """This is no phone number in international form."""

    code: ClassVar[str] = "phone_invalid"


class PhoneUnreachable(Refused):
    """Numbers of this kind, such as premium-rate and freephone ones, get no text messages."""

    code: ClassVar[str] = "phone_unreachable"


class CountryNotServed(Refused):
    """Text messages are not sent to the country of this number."""

    code: ClassVar[str] = "country_not_served"


def normalise(written: str) -> str:
    """The number in E.164 form, however it is written with its country code: `+39 06 1234-5678`, `0039…`.

    Raises PhoneInvalid for what no numbering plan has.
    """
    import phonenumbers  # noqa: PLC0415 - heavy

    # Abroad one dials 00, or 011 in North America, where the written form has a plus sign.
    text = f"+{written[2:]}" if written.startswith("00") else written
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException as error:
        raise PhoneInvalid from error
    if number.extension or not phonenumbers.is_valid_number(number):
        raise PhoneInvalid
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalised_or_none(written: str) -> str | None:
    """As `normalise`; None for what no numbering plan has."""
    try:
        return normalise(written)
    except PhoneInvalid:
        return None


def check_reachable(phone: str, countries: Collection[str]) -> None:
    """Raises CountryNotServed, or PhoneUnreachable for kinds that cost or reach nobody.

    Fixed lines are let through: many numbering plans do not tell them from mobile ones, and carriers read
    a text out to others.
    """
    import phonenumbers  # noqa: PLC0415 - heavy
    from phonenumbers import PhoneNumberType  # noqa: PLC0415 - heavy

    number = phonenumbers.parse(phone)
    if phonenumbers.region_code_for_number(number) not in countries:
        raise CountryNotServed
    if phonenumbers.number_type(number) not in {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.FIXED_LINE,
    }:
        raise PhoneUnreachable


def is_reachable(phone: str, countries: Collection[str]) -> bool:
    try:
        check_reachable(phone, countries)
    except (CountryNotServed, PhoneUnreachable):
        return False
    return True
