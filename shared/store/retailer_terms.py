"""Retailer terms, only ever added."""

from datetime import datetime
from uuid import UUID

from shared.domain.retailer_terms import Revised, TermsName
from shared.rows import jsonb, of
from shared.store import Conn


def lock(conn: Conn, retailer_id: str) -> None:
    """Hold other changes of the retailer's terms off until the transaction ends."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('terms ' || %(retailer_id)s, 0))",
        {"retailer_id": retailer_id},
    )


def get(conn: Conn, retailer_id: str, name: TermsName) -> Revised | None:
    """The last revision."""
    return (
        conn.cursor(row_factory=of(Revised))
        .execute(
            """
            SELECT revision, terms, created_by, created_at
              FROM retailer_terms
             WHERE retailer_id = %(retailer_id)s
               AND name = %(name)s
             ORDER BY revision DESC
             LIMIT 1
            """,
            {"retailer_id": retailer_id, "name": name},
        )
        .fetchone()
    )


def insert(
    conn: Conn,
    retailer_id: str,
    name: TermsName,
    *,
    revision: int,
    terms: object,
    user_id: UUID,
    now: datetime,
) -> None:
    conn.execute(
        """
        INSERT INTO retailer_terms (retailer_id, name, revision, terms, created_by, created_at)
        VALUES (%(retailer_id)s, %(name)s, %(revision)s, %(terms)s, %(user_id)s, %(now)s)
        """,
        {
            "retailer_id": retailer_id,
            "name": name,
            "revision": revision,
            "terms": jsonb(terms),
            "user_id": user_id,
            "now": now,
        },
    )
