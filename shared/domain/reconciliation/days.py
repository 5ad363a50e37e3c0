"""Days: one store's day reconciled: what is found, and what becomes of each sale."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.reconciliation.claims import Claim
from shared.domain.reconciliation.differences import (
    Decided,
    DifferenceKind,
    Finding,
    Resolution,
    Settled,
    of_pair,
    of_receipt,
    of_sale,
)
from shared.domain.reconciliation.matching import How, Pair, Unsure, match
from shared.domain.reconciliation.rules import Rules
from shared.domain.reconciliation.slips import Slip

AROUND = timedelta(hours=3)
"""So much before and after a day is looked at too: clocks differ, also around midnight."""

_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """A pair that stands: a person made it, or the day of its sale did, which is another."""

    sale_id: UUID
    receipt_id: UUID
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDay:
    """All that is known of one store around one day, which is from `begins` until before `ends`.

    Of what is not of the day itself, it tells only what belongs to slips of the day. `kept` are pairs that
    stand, of which one slip may be unknown here; `not_allowed` are the claims of receipts to promotions that
    were not in force by the till's clock: one that the sale did get is allowed all the same.
    """

    begins: datetime
    ends: datetime
    sales: Sequence[Slip]
    receipts: Sequence[Slip]
    kept: Sequence[Kept] = ()
    not_allowed: Mapping[UUID, tuple[Claim, ...]] = field(default_factory=dict[UUID, tuple[Claim, ...]])
    decided: Decided = field(default_factory=dict[str, Settled])

    def has(self, slip: Slip) -> bool:
        return self.begins <= slip.at < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a day. `sales` and `receipts` are the slips it speaks for.

    `clean` sales have a receipt that says the same, or came to nothing on both sides; `troubled` ones have a
    finding; the receipts of those `waiting` may still come.
    """

    sales: frozenset[UUID]
    receipts: frozenset[UUID]
    pairs: tuple[Kept, ...]
    findings: tuple[Finding, ...]
    clean: frozenset[UUID]
    troubled: frozenset[UUID]
    waiting: frozenset[UUID]


def reconcile(day: StoreDay, rules: Rules, now: datetime) -> Outcome:
    """What both sides say of a day, brought together."""
    found = _Found(day, rules, now)
    stay = {each for kept in day.kept for each in (kept.sale_id, kept.receipt_id)}
    sales = {sale.id: sale for sale in day.sales}
    receipts = {receipt.id: receipt for receipt in day.receipts}
    for kept in day.kept:
        if kept.sale_id in sales and kept.receipt_id in receipts:
            found.add_pair(Pair(sales[kept.sale_id], receipts[kept.receipt_id], kept.how))
    matching = match(
        (sale for sale in day.sales if sale.id not in stay),
        (receipt for receipt in day.receipts if receipt.id not in stay),
        rules,
    )
    for pair in matching.pairs:
        found.add_pair(pair)
    for unsure in matching.unsure:
        found.add_unsure(unsure)
    found.add_lone_sales(matching.lone_sales)
    found.add_lone_receipts(matching.lone_receipts, matching.lone_sales)
    return found.outcome()


class _Found:
    """What is found of a day, slip by slip."""

    def __init__(self, day: StoreDay, rules: Rules, now: datetime) -> None:
        self._day = day
        self._rules = rules
        self._now = now
        self._pairs: list[Kept] = []
        self._findings: list[Finding] = []
        self._sales: set[UUID] = set()
        self._receipts: set[UUID] = set()
        self._clean: set[UUID] = set()
        self._troubled: set[UUID] = set()
        self._waiting: set[UUID] = set()
        self._paired: list[Slip] = []

    def add_pair(self, pair: Pair) -> None:
        self._paired.append(pair.receipt)
        if not (self._day.has(pair.sale) or self._day.has(pair.receipt)):
            return
        self._sales.add(pair.sale.id)
        self._receipts.add(pair.receipt.id)
        self._pairs.append(Kept(pair.sale.id, pair.receipt.id, pair.how))
        findings = list(self._of_pair(pair.sale, pair.receipt))
        self._tell(findings, pair.sale.id)
        if not findings:
            self._clean.add(pair.sale.id)

    def add_unsure(self, unsure: Unsure) -> None:
        """For each receipt the sales that it may be of, in the order of how near they are in time."""
        for receipt in unsure.receipts:
            if self._day.has(receipt):
                self._receipts.add(receipt.id)
                near = _nearest(receipt, unsure.sales)
                self._tell([of_receipt(DifferenceKind.UNSURE, receipt, near)])
                self._tell(self._claims_of(receipt))
        for sale in unsure.sales:
            if self._day.has(sale):
                self._sales.add(sale.id)
                self._troubled.add(sale.id)

    def add_lone_sales(self, sales: Sequence[Slip]) -> None:
        lone = {sale.id for sale in sales}
        undone = {sale.undoes for sale in sales if sale.undoes in lone}
        for sale in sales:
            if not self._day.has(sale):
                continue
            self._sales.add(sale.id)
            if sale.id in undone or sale.undoes in lone:
                # Sold and voided, and the till knows of neither.
                self._clean.add(sale.id)
            elif self._now < sale.at + self._rules.grace:
                self._waiting.add(sale.id)
            else:
                self._tell([of_sale(sale)], sale.id)

    def add_lone_receipts(self, receipts: Sequence[Slip], lone_sales: Sequence[Slip]) -> None:
        """Those that repeat another receipt word for word, and those of which nothing is recorded."""
        first: dict[object, Slip] = {}
        for receipt in (*self._paired, *sorted(receipts, key=lambda each: (each.at, str(each.number)))):
            first.setdefault(_content(receipt), receipt)
        by_sku: defaultdict[str, list[Slip]] = defaultdict(list)
        for sale in lone_sales:
            for sku in sale.skus:
                by_sku[sku].append(sale)
        for receipt in receipts:
            if not self._day.has(receipt):
                continue
            self._receipts.add(receipt.id)
            same = first[_content(receipt)]
            if same.id != receipt.id:
                self._tell([of_receipt(DifferenceKind.DUPLICATE, receipt, (same,))])
            else:
                near = _near(receipt, by_sku, self._rules)
                self._tell([of_receipt(DifferenceKind.MISSING_WITH_US, receipt, near)])
            self._tell(self._claims_of(receipt))

    def outcome(self) -> Outcome:
        return Outcome(
            sales=frozenset(self._sales),
            receipts=frozenset(self._receipts),
            pairs=tuple(self._pairs),
            findings=tuple(self._findings),
            clean=frozenset(self._clean),
            troubled=frozenset(self._troubled),
            waiting=frozenset(self._waiting),
        )

    def _tell(self, findings: Iterable[Finding], sale_id: UUID | None = None) -> None:
        """Take the findings that nobody has decided on; what people settled makes no more trouble."""
        held = fresh = False
        told = list(findings)
        for finding in told:
            settled = self._day.decided.get(finding.key)
            if settled is None or not settled.covers(finding):
                self._findings.append(finding)
                fresh = True
            elif settled.resolution is Resolution.ACCEPT_THEIRS:
                held = True
        if sale_id is None or not told:
            return
        if fresh or held:
            self._troubled.add(sale_id)
        else:
            self._clean.add(sale_id)

    def _of_pair(self, sale: Slip, receipt: Slip) -> Iterable[Finding]:
        if sale.units != receipt.units:
            yield of_pair(DifferenceKind.QUANTITY, sale, receipt)
        elif abs(sale.net_minor - receipt.net_minor) > self._rules.tolerance_minor(sale.currency):
            yield of_pair(DifferenceKind.AMOUNT, sale, receipt)
        for claim in self._day.not_allowed.get(receipt.id, ()):
            if claim.promotion_ids.isdisjoint(sale.promotions):
                yield of_pair(DifferenceKind.PROMOTION_NOT_ALLOWED, sale, receipt, claim.text)

    def _claims_of(self, receipt: Slip) -> Iterable[Finding]:
        return [
            of_receipt(DifferenceKind.PROMOTION_NOT_ALLOWED, receipt, promotion=claim.text)
            for claim in self._day.not_allowed.get(receipt.id, ())
        ]


def _content(receipt: Slip) -> object:
    return receipt.kind, receipt.at, receipt.currency, receipt.net_minor, receipt.units


def _near(receipt: Slip, by_sku: Mapping[str, Sequence[Slip]], rules: Rules) -> tuple[Slip, ...]:
    """Sales without a receipt that have goods in common with this one and were made about then."""
    found = {
        sale.id: sale
        for sku in receipt.skus
        for sale in by_sku.get(sku, ())
        if sale.kind is receipt.kind and abs(sale.at - receipt.at) <= 4 * rules.window
    }
    return _nearest(receipt, found.values())


def _nearest(receipt: Slip, sales: Iterable[Slip]) -> tuple[Slip, ...]:
    return tuple(sorted(sales, key=lambda sale: (abs(sale.at - receipt.at), sale.id))[:_CANDIDATES])
