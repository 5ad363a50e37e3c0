"""Customers: what is kept of who they are."""

from uuid import UUID

from shared.store import Conn


def get_phone_hash(conn: Conn, customer_id: UUID) -> bytes | None:
    """The digest of the customer's phone number, if there is such a customer and it is known."""
    row = conn.execute(
        """
        SELECT phone_hash
          FROM customers
         WHERE id = %(customer_id)s
        """,
        {"customer_id": customer_id},
    ).fetchone()
    return None if row is None else row[0]
