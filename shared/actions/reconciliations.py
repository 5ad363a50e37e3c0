"""Reconciliations: days of stores brought together, differences written down, statuses changed by rules."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from shared.domain.engine import PromotionTerms
from shared.domain.quotes import TransactionStatus
from shared.domain.reconciliation.claims import Claim, not_allowed
from shared.domain.reconciliation.days import AROUND, Kept, Outcome, StoreDay, reconcile
from shared.domain.reconciliation.differences import Settled
from shared.domain.reconciliation.matching import How
from shared.domain.reconciliation.rules import Rules
from shared.domain.reconciliation.runs import (
    DayDone,
    DueDay,
    Reconciliation,
    ReconciliationNotFound,
    StoredReceipt,
    StoredSale,
)
from shared.domain.retailer_terms import TermsName
from shared.rows import adapter
from shared.store import (
    Conn,
    differences,
    promotion_versions,
    reconciliations,
    retailer_terms,
    rule_sets,
    slips,
    stores,
    transaction_statuses,
)

_VERIFIED = "Reconciliation: a receipt says the same."
_REVIEWED = "Reconciliation: the receipts say otherwise."


def get(conn: Conn, reconciliation_id: UUID) -> Reconciliation:
    """Raises ReconciliationNotFound."""
    found = reconciliations.find(conn, reconciliation_id=reconciliation_id, before=None, limit=1)
    if not found:
        raise ReconciliationNotFound(reconciliation_id=reconciliation_id)
    return found[0]


def reconcile_days(conn: Conn, now: datetime, days: Sequence[DueDay]) -> list[DayDone]:
    """Reconcile stores on one date and write down what came of it, the same however often it is done.

    What people decided stays: their pairs, what they resolved, and the statuses they gave. `conn` must be in
    a transaction, which is the only one at work on these stores.
    """
    reconciliations.lock_stores(conn, [day.store_id for day in days])
    told = _read(conn, days)
    outcomes = {
        day.store_id: (day, reconcile(told.store_day(day), told.rules[day.retailer_id], now)) for day in days
    }
    _write(conn, now, days[0].day, told, list(outcomes.values()))
    changed = _change_statuses(conn, now, told, list(outcomes.values()))
    return [_done(day, outcome, changed) for day, outcome in outcomes.values()]


def reconcile_moments(conn: Conn, now: datetime, store_id: str, moments: Sequence[datetime]) -> None:
    """Reconcile the days of a store on which these moments are. `conn` must be in a transaction."""
    for day in reconciliations.find_days_of(conn, store_id, moments):
        reconcile_days(conn, now, [day])


@dataclass(frozen=True, slots=True)
class _Told:
    """What both sides say of some stores around one date."""

    sales: dict[UUID, StoredSale]
    receipts: dict[UUID, StoredReceipt]
    settled: dict[str, Settled]
    not_allowed: dict[UUID, tuple[Claim, ...]]
    rules: dict[str, Rules]
    sales_of: defaultdict[str, list[StoredSale]]
    receipts_of: defaultdict[str, list[StoredReceipt]]

    def store_day(self, day: DueDay) -> StoreDay:
        """What is known of one store. A pair stands that a person made, or of a sale of another day."""
        sales = self.sales_of[day.store_id]
        receipts = self.receipts_of[day.store_id]
        pairs = {(each.slip.id, each.receipt_id): each.how for each in sales}
        pairs |= {(each.sale_id, each.slip.id): each.how for each in receipts}
        kept = [
            Kept(sale_id, receipt_id, how)
            for (sale_id, receipt_id), how in pairs.items()
            if sale_id is not None and receipt_id is not None and how is not None
            if how is How.PERSON or not self._is_of(sale_id, day)
        ]
        return StoreDay(
            begins=day.begins,
            ends=day.ends,
            sales=[each.slip for each in sales],
            receipts=[each.slip for each in receipts],
            kept=kept,
            not_allowed=self.not_allowed,
            decided=self.settled,
        )

    def _is_of(self, sale_id: UUID, day: DueDay) -> bool:
        sale = self.sales.get(sale_id)
        return sale is not None and day.begins <= sale.slip.at < day.ends


def _read(conn: Conn, days: Sequence[DueDay]) -> _Told:
    store_ids = [day.store_id for day in days]
    from_at = min(day.begins for day in days) - AROUND
    until_at = max(day.ends for day in days) + AROUND
    receipts = slips.find_receipts(conn, store_ids, from_at=from_at, until_at=until_at)
    sales = slips.find_sales(conn, store_ids, from_at=from_at, until_at=until_at)
    # The other sides may be of any day: by their number, or since they were found before.
    known_sales = {sale.slip.id for sale in sales}
    sales += slips.find_sales_named(
        conn,
        [(each.store_id, each.slip.number) for each in receipts if each.slip.number is not None],
        [each.sale_id for each in receipts if each.sale_id is not None and each.sale_id not in known_sales],
    )
    known_receipts = {receipt.slip.id for receipt in receipts}
    receipts += slips.find_receipts_named(
        conn,
        [(each.store_id, each.slip.number) for each in sales if each.slip.number is not None],
        [
            each.receipt_id
            for each in sales
            if each.receipt_id is not None and each.receipt_id not in known_receipts
        ],
    )
    by_id = {receipt.slip.id: receipt for receipt in receipts}
    all_sales = {sale.slip.id: sale for sale in sales}
    sales_of: defaultdict[str, list[StoredSale]] = defaultdict(list)
    for sale in all_sales.values():
        sales_of[sale.store_id].append(sale)
    receipts_of: defaultdict[str, list[StoredReceipt]] = defaultdict(list)
    for receipt in by_id.values():
        receipts_of[receipt.store_id].append(receipt)
    settled = differences.find_settled(
        conn, sales=[sale.slip.id for sale in sales], receipts=[receipt.slip.id for receipt in receipts]
    )
    return _Told(
        all_sales,
        by_id,
        {each.key: each for each in settled},
        _not_allowed(conn, list(by_id.values())),
        {retailer_id: _rules(conn, retailer_id) for retailer_id in {day.retailer_id for day in days}},
        sales_of,
        receipts_of,
    )


def _rules(conn: Conn, retailer_id: str) -> Rules:
    found = retailer_terms.get(conn, retailer_id, TermsName.RECONCILIATION_RULES)
    return Rules() if found is None else adapter(Rules).validate_python(found.terms)


def _not_allowed(conn: Conn, receipts: Sequence[StoredReceipt]) -> dict[UUID, tuple[Claim, ...]]:
    """The claims of each receipt to promotions that were not in force when it was written."""
    claiming = [receipt for receipt in receipts if receipt.slip.claims]
    if not claiming:
        return {}
    selling = stores.find_selling(conn, [receipt.store_id for receipt in claiming])
    moments = [receipt.slip.at for receipt in claiming]
    began = rule_sets.find_since(conn, min(moments), max(moments))
    live: dict[int, list[PromotionTerms]] = {}
    found: dict[UUID, tuple[str, ...]] = {}
    for receipt in claiming:
        since = bisect_right(began, receipt.slip.at, key=lambda each: each[0])
        version = began[since - 1][1] if since else 0
        if version not in live:
            live[version] = [member.terms() for member in rule_sets.find_members(conn, version)]
        store = selling[receipt.store_id]
        refused = not_allowed(
            receipt.slip.claims,
            [(receipt.slip.at, live[version])],
            zone=store.zone,
            facts=store.facts,
        )
        if refused:
            found[receipt.slip.id] = refused
    named = promotion_versions.find_ids_named(conn, {claim for claims in found.values() for claim in claims})
    return {
        receipt_id: tuple(Claim(claim, frozenset(named.get(claim, ()))) for claim in claims)
        for receipt_id, claims in found.items()
    }


def _write(
    conn: Conn, now: datetime, day: date, told: _Told, outcomes: Sequence[tuple[DueDay, Outcome]]
) -> None:
    sales = [(sale_id, due.store_id) for due, outcome in outcomes for sale_id in outcome.sales]
    receipts = [receipt_id for _, outcome in outcomes for receipt_id in outcome.receipts]
    findings = [
        (due.retailer_id, due.store_id, finding) for due, outcome in outcomes for finding in outcome.findings
    ]
    pairs = [pair for _, outcome in outcomes for pair in outcome.pairs]
    before = {sale_id: told.sales[sale_id] for sale_id, _ in sales}
    after = {pair.sale_id: pair for pair in pairs}
    changed = [
        (sale_id, store_id)
        for sale_id, store_id in sales
        if (before[sale_id].receipt_id, before[sale_id].how) != _receipt_of(after.get(sale_id))
        or before[sale_id].given is None
    ]
    reconciliations.update_sales(conn, changed, pairs, now)
    differences.update_withdrawn(
        conn,
        sales=[sale_id for sale_id, _ in sales],
        receipts=receipts,
        found=[finding.key for _, _, finding in findings],
        now=now,
    )
    differences.merge(conn, findings, day=day, now=now)


def _receipt_of(pair: Kept | None) -> tuple[UUID | None, How | None]:
    return (None, None) if pair is None else (pair.receipt_id, pair.how)


def _change_statuses(
    conn: Conn, now: datetime, told: _Told, outcomes: Sequence[tuple[DueDay, Outcome]]
) -> dict[TransactionStatus, set[UUID]]:
    """Verify what is clean and review what is troubled, unless somebody else had the last word on it."""
    wanted: defaultdict[TransactionStatus, list[UUID]] = defaultdict(list)
    for due, outcome in outcomes:
        rules = told.rules[due.retailer_id]
        verdicts = (
            (TransactionStatus.VERIFIED, outcome.clean if rules.verify else frozenset[UUID]()),
            (TransactionStatus.UNDER_REVIEW, outcome.troubled if rules.review else frozenset[UUID]()),
        )
        for status, sale_ids in verdicts:
            for sale_id in sale_ids:
                sale = told.sales[sale_id]
                if sale.is_ours_to_change and sale.status is not status:
                    wanted[status].append(sale_id)
    changed: dict[TransactionStatus, set[UUID]] = {}
    for status, reason in (
        (TransactionStatus.VERIFIED, _VERIFIED),
        (TransactionStatus.UNDER_REVIEW, _REVIEWED),
    ):
        changed[status] = transaction_statuses.update(
            conn, wanted[status], to=status, reason=reason, by=None, now=now
        )
        reconciliations.update_given(conn, list(changed[status]), status, now)
    return changed


def _done(day: DueDay, outcome: Outcome, changed: dict[TransactionStatus, set[UUID]]) -> DayDone:
    return DayDone(
        day=day.day,
        store_id=day.store_id,
        sales=len(outcome.sales),
        receipts=len(outcome.receipts),
        matched=len(outcome.pairs),
        verified=len(outcome.sales & changed[TransactionStatus.VERIFIED]),
        reviewed=len(outcome.sales & changed[TransactionStatus.UNDER_REVIEW]),
        waiting=len(outcome.waiting),
        found=dict(Counter(finding.kind.value for finding in outcome.findings)),
    )
