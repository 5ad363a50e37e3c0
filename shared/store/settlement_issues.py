"""Issuing: the drafts of a closing get their numbers and are never changed again."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.store import Conn


class Issued(NamedTuple):
    """A settlement that was issued: its documents by number, and what is owed, in minor units."""

    id: UUID
    retailer_id: str
    currency: str
    corrects: UUID | None
    reason: str | None
    numbers: list[str]
    owed_minor: int


def lock_new_ids(conn: Conn, closing_id: UUID) -> list[UUID]:
    """Voids and returns of the closing's drafts that are still New, held so that they stay what they are."""
    rows = conn.execute(
        """
        SELECT transactions.id
          FROM settlements
          JOIN settlement_entries
            ON settlement_id = settlements.id
          JOIN transactions
            ON transactions.id = transaction_id
         WHERE closing_id = %(closing_id)s
           AND issued_at IS NULL
           AND turn %% 2 = 0
           AND status = 'New'
         ORDER BY transactions.id
           FOR UPDATE OF transactions
        """,
        {"closing_id": closing_id},
    ).fetchall()
    return [row[0] for row in rows]


def update_numbered(conn: Conn, closing_id: UUID, now: datetime) -> None:
    """Give the documents of the closing their numbers, without gaps in each series.

    A series is a kind of document in a calendar year of the retailer. Its counter is held until the
    transaction ends, and goes back with it.
    """
    conn.execute(
        """
          WITH document AS (
                 SELECT settlement_id, document, series,
                        row_number() OVER (PARTITION BY series ORDER BY retailer_id, currency) AS nth,
                        count(*) OVER (PARTITION BY series) AS of_series
                   FROM (
                          SELECT settlement_id, document, retailer_id, currency,
                                 CASE document WHEN 'statement' THEN 'S-' ELSE 'C-' END
                                 || to_char(%(now)s AT TIME ZONE zone, 'YYYY') AS series
                            FROM settlements
                            JOIN settlement_documents
                              ON settlement_id = id
                           WHERE closing_id = %(closing_id)s
                             AND issued_at IS NULL
                        ) AS each
               ),
               counted AS (
                 INSERT INTO settlement_series AS counter (name, last)
                 SELECT series, count(*)
                   FROM document
                  GROUP BY series
                  ORDER BY series
                     ON CONFLICT (name) DO UPDATE
                    SET last = counter.last + excluded.last
                 RETURNING name, last
               )
        UPDATE settlement_documents
           SET series = document.series,
               number = counted.last - of_series + nth
          FROM document
          JOIN counted
            ON counted.name = document.series
         WHERE settlement_documents.settlement_id = document.settlement_id
           AND settlement_documents.document = document.document
        """,
        {"closing_id": closing_id, "now": now},
    )


def update_issued(conn: Conn, closing_id: UUID, now: datetime) -> list[Issued]:
    """Issue the drafts of the closing; from now on nothing of them changes."""
    rows = conn.execute(
        """
          WITH issued AS (
                 UPDATE settlements
                    SET issued_at = %(now)s,
                        issued_on = (%(now)s AT TIME ZONE zone)::date
                  WHERE closing_id = %(closing_id)s
                    AND issued_at IS NULL
                 RETURNING id, retailer_id, currency, corrects, reason
               )
        SELECT id, retailer_id, currency, corrects, reason,
               array_agg(document_number(series, number) ORDER BY document DESC),
               sum(owed_minor)::bigint
          FROM issued
          JOIN settlement_documents
            ON settlement_id = id
         GROUP BY id, retailer_id, currency, corrects, reason
         ORDER BY id
        """,
        {"closing_id": closing_id, "now": now},
    ).fetchall()
    return [Issued(*row) for row in rows]
