"""Settlement entries: from a transaction to the settlements that state it."""

from uuid import UUID

from shared.domain.settlement_entries import SettlementEntry
from shared.domain.users import Reach
from shared.rows import of
from shared.store import Conn


def find(conn: Conn, transaction_id: UUID, reach: Reach) -> list[SettlementEntry]:
    """Where the transaction was stated, and taken off again, one after the other.

    Of settlements that were issued, and whose retailer is the root of the reach.
    """
    return (
        conn.cursor(row_factory=of(SettlementEntry))
        .execute(
            """
            SELECT entries.settlement_id, retailer_id, entries.document,
                   document_number(series, number) AS number,
                   CASE WHEN paid_at IS NULL THEN 'issued' ELSE 'paid' END AS status,
                   from_on, until_on, issued_on, paid_on, reference, entries.carried_over,
                   turn %% 2 = 1 AS reversed,
                   told.owed, told.lines
              FROM settlement_entries AS entries
              JOIN settlements
                ON settlements.id = entries.settlement_id
              JOIN settlement_documents AS documents
                ON documents.settlement_id = entries.settlement_id
               AND documents.document = entries.document
             CROSS JOIN LATERAL (
                     SELECT coalesce(sum(amount) FILTER (WHERE party = 'brand'), from_minor(0, currency))
                            AS owed,
                            -- An amount as text: a number of JSON would be read as a float.
                            coalesce(
                              jsonb_agg(
                                to_jsonb(details) || jsonb_build_object('amount', amount::text)
                                ORDER BY place
                              ),
                              '[]'
                            ) AS lines
                       FROM settlement_line_details AS details
                      WHERE settlement_id = entries.settlement_id
                        AND transaction_id = entries.transaction_id
                   ) AS told
             WHERE entries.transaction_id = %(transaction_id)s
               AND issued_at IS NOT NULL
               AND (%(root)s::text IS NULL OR (%(below)s AND retailer_id = %(root)s))
             ORDER BY turn
            """,
            {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
        )
        .fetchall()
    )
