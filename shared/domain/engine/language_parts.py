"""Parts that conditions and benefits of a rule share: amounts in one currency, percents, product filters."""

from collections.abc import Mapping

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.grammar import MOST_UNITS, PRODUCT, Keys
from shared.domain.engine.rule import Basis, basis_points
from shared.domain.filters import Filter, parse_predicate

type Found = Mapping[str, object]


class Amounts:
    """Reads the amounts of one rule; remembers the currency of the first, which all others must share."""

    def __init__(self) -> None:
        self.currency: str | None = None

    def minor(self, found: Found, at: str, *, key: str = "amount", least: int = 1) -> int:
        """Return the amount beside its currency in minor units."""
        return self.read(found[key], at_key(at, key), found["currency"], at_key(at, "currency"), least=least)[
            0
        ]

    def read(
        self, amount: object, amount_at: str, currency: object, currency_at: str, *, least: int
    ) -> tuple[int, str]:
        """Return an amount in minor units, and its currency, which may stand elsewhere."""
        minor, code = documents.an_amount(
            amount, currency, amount_at=amount_at, currency_at=currency_at, least=least
        )
        if self.currency is None:
            self.currency = code
        if code != self.currency:
            raise DocumentInvalid(
                pointer=currency_at, detail=f"all amounts of a rule share one currency, here {self.currency}"
            )
        return minor, code


def keys(found: object, at: str, expected: Keys) -> Found:
    return documents.keys(found, at, required=expected.required, optional=expected.optional)


def percent(document: object, at: str) -> int:
    """Return a percent in hundredths of a percent."""
    found = documents.a_decimal(document, at)
    if not 0 < found <= 100 or (found * 100) % 1:
        raise DocumentInvalid(
            pointer=at, detail="more than 0, at most 100 and at most two decimals are expected"
        )
    return basis_points(found)


def units(found: Found, key: str, at: str) -> int:
    return documents.a_whole_number(found[key], at_key(at, key), least=1, most=MOST_UNITS)


def products(found: Found, key: str, at: str) -> Filter | None:
    """Return the filter on products under a key; None, every product, when it is absent."""
    return parse_predicate(found[key], at_key(at, key), PRODUCT, "product") if key in found else None


def basis(found: Found, at: str, default: Basis) -> Basis:
    return documents.one_of(found.get("basis", default), at_key(at, "basis"), Basis)
