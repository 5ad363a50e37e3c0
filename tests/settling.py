"""Settling in tests: transactions written as plainly as they can be, and closings run to their end."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.actions import closings as closing_actions
from shared.actions import jobs
from shared.domain.audit import By
from shared.domain.closings import Closing
from shared.domain.jobs import JobStatus
from shared.domain.settlements import Settlement
from shared.domain.users import EVERY_STORE
from shared.jobs import closings
from shared.jobs.runner import run
from shared.rows import jsonb
from shared.store import settlements
from tests.rows import Conn, a_store, a_user, random_key

JUNE = date(2026, 6, 1), date(2026, 6, 30)
JULY = date(2026, 7, 1), date(2026, 7, 31)
# When a sale is made that does not say when, and when a closing runs that does not.
SOLD = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)


class Cut(NamedTuple):
    """What a promotion took off a line, and who bears it; nobody is nobody but the retailer."""

    promotion_id: UUID
    minor: int
    funding: Mapping[str, int]
    line: int = 0
    version: int = 1


class Till:
    """A database in which things are sold, without an engine: what each sale took off is said by the test."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn
        self.user_id = a_user(conn)
        self.by = By(self.user_id, "test")

    def store(self, store_id: str, *, parent: str | None = None, zone: str = "Europe/Rome") -> str:
        a_store(self.conn, store_id, zone=zone)
        if parent is not None:
            self.conn.execute("UPDATE stores SET parent_id = %s WHERE id = %s", [parent, store_id])
        return store_id

    def promotion(self, name: str = "Ten percent") -> UUID:
        """A promotion of one version, which is all that statements ask of it."""
        with self.conn.transaction():
            promotion_id = self.conn.execute(
                """
                INSERT INTO promotions (status, version, created_by, created_at, updated_at)
                VALUES ('Draft', 1, %s, now(), now())
                RETURNING id
                """,
                [self.user_id],
            ).fetchall()[0][0]
            self.conn.execute(
                """
                INSERT INTO promotion_versions (promotion_id, version, name, type, description, lane,
                                                priority, exclusive, stackable, starts_at, zone_policy, rule,
                                                hash, created_by, created_at)
                VALUES (%s, 1, %s, 'seasonal', '', 'line', 0, false, false, '2026-01-01', 'store', '{}', '',
                        %s, now())
                """,
                [promotion_id, name, self.user_id],
            )
        return promotion_id

    def sell(
        self,
        store_id: str,
        cuts: Sequence[Cut],
        *,
        at: datetime = SOLD,
        status: str = "Verified",
        gross: int | None = None,
        currency: str = "EUR",
        sku: str = "LENS",
        receipt: str | None = None,
    ) -> UUID:
        """A sale of this gross, ten times its discount unless told otherwise."""
        return self._insert(
            store_id, cuts, at=at, status=status, gross=gross, currency=currency, sku=sku, receipt=receipt
        )

    def undo(
        self,
        sale_id: UUID,
        cuts: Sequence[Cut] | None = None,
        *,
        at: datetime = SOLD,
        status: str = "New",
    ) -> UUID:
        """A void of the sale, or a return that takes back these cuts, which are below zero."""
        store_id, currency, gross, allocations = self.conn.execute(
            "SELECT store_id, currency, gross_minor, allocations FROM transactions WHERE id = %s", [sale_id]
        ).fetchall()[0]
        kind = "return"
        if cuts is None:
            kind = "void"
            cuts = [
                Cut(
                    UUID(each["promotion_id"]),
                    -each["amount_minor"],
                    {party: -minor for party, minor in each["funding"].items()},
                    each["line"],
                    each["version"],
                )
                for each in allocations
            ]
            gross = -gross
        else:
            gross = None
        return self._insert(
            store_id,
            cuts,
            at=at,
            status=status,
            gross=gross,
            currency=currency,
            sku="LENS",
            receipt=None,
            kind=kind,
            original_id=sale_id,
        )

    def status(self, transaction_id: UUID) -> str:
        return self.conn.execute(
            "SELECT status FROM transactions WHERE id = %s", [transaction_id]
        ).fetchall()[0][0]

    def set_status(self, transaction_id: UUID, status: str) -> None:
        self.conn.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, transaction_id])

    def ask(
        self,
        days: tuple[date, date] = JUNE,
        retailer_id: str | None = None,
        *,
        now: datetime = LATER,
        key: str | None = None,
    ) -> Closing:
        """A closing that is queued."""
        return closings.begin(
            now,
            retailer_id=retailer_id,
            from_on=days[0],
            until_on=days[1],
            by=self.by,
            key=key or random_key(),
        )[0]

    def close(
        self,
        days: tuple[date, date] = JUNE,
        retailer_id: str | None = None,
        *,
        now: datetime = LATER,
    ) -> list[Settlement]:
        """What a closing issued that ran to its end, by retailer and currency."""
        return self.finish(self.ask(days, retailer_id, now=now), now)

    def reopen(
        self, settlement_id: UUID, *, reason: str = "Wrong", now: datetime = LATER
    ) -> list[Settlement]:
        closing, _ = closings.reopen(
            now, settlement_id=settlement_id, reason=reason, by=self.by, key=random_key()
        )
        return self.finish(closing, now)

    def finish(self, closing: Closing, now: datetime = LATER) -> list[Settlement]:
        run(closing.job_id, now)
        ended = closing_actions.get(self.conn, closing.id)
        assert ended.status is JobStatus.COMPLETED, ended.failure
        return self.issued(closing.id)

    def give_up(self, closing: Closing) -> None:
        """Cancel the closing wherever it stands, unless it has ended."""
        self.conn.execute("UPDATE jobs SET lease_until = NULL WHERE id = %s", [closing.job_id])
        with self.conn.transaction():
            jobs.cancel(self.conn, LATER, closing.job_id, by=self.by)

    def issued(self, closing_id: UUID) -> list[Settlement]:
        found = settlements.find(
            self.conn,
            reach=EVERY_STORE,
            retailer_id=None,
            closing_id=closing_id,
            status=None,
            from_on=None,
            until_on=None,
            before=None,
            limit=10_000,
        )
        return sorted(found, key=lambda each: (each.retailer_id, each.currency))

    def lines(self, settlement_id: UUID) -> dict[UUID, int]:
        """The sum of the lines of each transaction of a settlement, in minor units."""
        return {
            transaction_id: int(minor)
            for transaction_id, minor in self.conn.execute(
                """
                SELECT transaction_id, sum(amount_minor)
                  FROM settlement_lines
                 WHERE settlement_id = %s
                 GROUP BY transaction_id
                """,
                [settlement_id],
            )
        }

    def _insert(
        self,
        store_id: str,
        cuts: Sequence[Cut],
        *,
        at: datetime,
        status: str,
        gross: int | None,
        currency: str,
        sku: str,
        receipt: str | None,
        kind: str = "sale",
        original_id: UUID | None = None,
    ) -> UUID:
        discount = sum(cut.minor for cut in cuts)
        gross = 10 * discount if gross is None else gross
        allocations: list[dict[str, Any]] = [
            {
                "line": cut.line,
                "sku": sku,
                "promotion_id": cut.promotion_id,
                "version": cut.version,
                "role": "discounted",
                "units": 1 if cut.minor >= 0 else -1,
                "amount_minor": cut.minor,
                "funding": cut.funding,
            }
            for cut in cuts
        ]
        return self.conn.execute(
            """
            INSERT INTO transactions (id, kind, original_id, reason, store_id, retailer_id, receipt_number,
                                      status, currency, gross_minor, discount_minor, net_minor, tax_minor,
                                      channel, user_id, rule_set_version, engine_semantics, created_at,
                                      allocations, seen, quote)
            SELECT transaction_id(%(at)s), %(kind)s, %(original_id)s, %(reason)s, id, retailer_id,
                   %(receipt)s, %(status)s, %(currency)s, %(gross)s, %(discount)s, %(gross)s - %(discount)s,
                   0, 'store',
                   %(user_id)s, 1, 1, %(at)s, %(allocations)s, '{}',
                   json_build_object(
                     'gross', from_minor(%(gross)s, %(currency)s),
                     'discount', from_minor(%(discount)s, %(currency)s),
                     'net', from_minor(%(gross)s - %(discount)s, %(currency)s)
                   )
              FROM stores
             WHERE id = %(store_id)s
            RETURNING id
            """,
            {
                "at": at,
                "kind": kind,
                "original_id": original_id,
                "reason": None if kind == "sale" else "Broken",
                "receipt": receipt,
                "status": status,
                "currency": currency,
                "gross": gross,
                "discount": discount,
                "user_id": self.user_id,
                "allocations": jsonb(allocations),
                "store_id": store_id,
            },
        ).fetchall()[0][0]
