"""Money: integer minor units inside, `Decimal` with the currency's exponent at the edges, never float."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from shared.domain.errors import Refused

SCALE = 10_000
"""Parts of a minor unit in which unrounded amounts are counted: exact for percents of two decimals."""

_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF"
        " CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD"
        " HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK"
        " MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD"
        " RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS"
        " UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS = {code: exponent for exponent, codes in _EXPONENTS.items() for code in codes.split()}
"""Decimals of the currencies of ISO 4217 that are paid with (no funds of account, metals or test codes)."""


class CurrencyUnknown(Refused):
    """{currency} is not a currency of ISO 4217."""

    code = "currency_unknown"


class AmountInexact(Refused):
    """{amount} has more decimals than {currency} has ({exponent})."""

    code = "amount_inexact"


class Rounding(StrEnum):
    HALF_EVEN = "half_even"
    HALF_UP = "half_up"


def exponent(currency: str, *, pointer: str | None = None) -> int:
    """Return the number of decimals of a currency, or raise CurrencyUnknown."""
    known = EXPONENTS.get(currency)
    if known is None:
        raise CurrencyUnknown(pointer=pointer, currency=currency)
    return known


def to_minor(amount: Decimal, currency: str, *, pointer: str | None = None) -> int:
    """Return the amount in minor units, exactly; more decimals than the currency has raise AmountInexact."""
    decimals = exponent(currency, pointer=pointer)
    if not amount.is_finite():
        raise AmountInexact(pointer=pointer, amount=amount, currency=currency, exponent=decimals)
    numerator, denominator = amount.as_integer_ratio()
    minor, rest = divmod(numerator * 10**decimals, denominator)
    if rest:
        raise AmountInexact(pointer=pointer, amount=amount, currency=currency, exponent=decimals)
    return minor


# A quote has a hundred amounts, most of them of few prices.
@lru_cache(maxsize=16_384)
def from_minor(minor: int, currency: str) -> Decimal:
    """Return the amount with exactly the decimals of its currency: 12050 EUR is 120.50."""
    # From a text, which unlike arithmetic is exact whatever the context.
    return Decimal(f"{minor}e-{exponent(currency)}")


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Return the quotient of a non-negative number and a positive one, rounded once."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    up = twice > denominator or (twice == denominator and (rounding is Rounding.HALF_UP or whole % 2 == 1))
    return whole + up


def round_minor(scaled: int | Fraction, rounding: Rounding) -> int:
    """Round an amount in 1/10,000 of a minor unit to minor units."""
    return divide(scaled.numerator, scaled.denominator * SCALE, rounding)


def largest_remainder(
    total: int,
    weights: Sequence[int],
    rooms: Sequence[int] | None = None,
    counts: Sequence[int] | None = None,
) -> list[tuple[int, int]]:
    """Split a total over units in proportion to their weights, no share above the unit's room.

    Units come in groups of `counts[i]` equal ones (1 when not given). The answer has a pair (share, extra)
    for each group: its first `extra` units get `share + 1`, its others `share`. A full unit passes its rest
    on to the others in proportion; what is left below one goes to the largest remainders, ties in the given
    order. When all weights still open are zero, those units count as equal. The rooms together must hold
    the total.
    """
    counts = [1] * len(weights) if counts is None else counts
    rooms = [total] * len(weights) if rooms is None else rooms
    if sum(room * count for room, count in zip(rooms, counts, strict=True)) < total:
        raise ValueError(f"{total} does not fit into the rooms")
    shares = [(0, 0)] * len(weights)
    usable: list[int] = [index for index, count in enumerate(counts) if count and rooms[index]]
    weigh = list(weights)
    while usable and total:
        weight = sum(weigh[index] * counts[index] for index in usable)
        if weight == 0:
            weigh = [1] * len(weights)
            continue
        full = [index for index in usable if total * weigh[index] > rooms[index] * weight]
        if not full:
            break
        for index in full:
            shares[index] = (rooms[index], 0)
            total -= rooms[index] * counts[index]
        usable = [index for index in usable if index not in full]
    if total:
        _hand_out(total, shares, usable, weigh, counts)
    return shares


def _hand_out(
    total: int, shares: list[tuple[int, int]], usable: list[int], weigh: list[int], counts: Sequence[int]
) -> None:
    weight = sum(weigh[index] * counts[index] for index in usable)
    remainders: dict[int, int] = {}
    left = total
    for index in usable:
        share, remainders[index] = divmod(total * weigh[index], weight)
        shares[index] = (share, 0)
        left -= share * counts[index]
    for index in sorted(usable, key=lambda index: -remainders[index]):
        extra = min(left, counts[index])
        shares[index] = (shares[index][0], extra)
        left -= extra
