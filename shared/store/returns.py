"""Returns: a sale read with all of them."""

from uuid import UUID

from shared.domain.redemptions import Redemption
from shared.domain.returns import ReturnableSale
from shared.domain.users import Reach
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, transaction_id: UUID, reach: Reach) -> ReturnableSale | None:
    """The transaction as it was recorded, with its returns, if its store is within reach."""
    return (
        conn.cursor(row_factory=of(ReturnableSale))
        .execute(
            """
            SELECT id, kind, store_id, engine_semantics, seen, quote::json AS quote,
                   (SELECT transaction_id
                      FROM voids
                     WHERE voids.original_id = sale.id) AS voided_by,
                   (SELECT coalesce(
                             json_agg(
                               json_build_object(
                                 'id', back.id, 'number', returns.number, 'reason', back.reason,
                                 'user_id', back.user_id, 'quote', back.quote::json
                               )
                               ORDER BY returns.number
                             ),
                             '[]'
                           )
                      FROM returns
                      JOIN transactions AS back
                        ON back.id = returns.transaction_id
                     WHERE returns.original_id = sale.id) AS returns
              FROM transactions AS sale
             WHERE id = %(transaction_id)s
               AND store_in_reach(store_id, %(root)s, %(below)s)
            """,
            {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def lock(conn: Conn, transaction_id: UUID, reach: Reach) -> ReturnableSale | None:
    """The same, held against everybody else who would undo it until the transaction ends."""
    conn.execute(
        """
        SELECT 1
          FROM transactions
         WHERE id = %(transaction_id)s
           FOR UPDATE
        """,
        {"transaction_id": transaction_id},
    )
    # Read after the lock is held: a locking join would not see what was returned while it waited.
    return get(conn, transaction_id, reach)


def find_redemptions(conn: Conn, transaction_id: UUID) -> list[Redemption]:
    """What promotions gave in a sale, and what its returns took back of it."""
    return (
        conn.cursor(row_factory=of(Redemption))
        .execute(
            """
            SELECT promotion_id, version, redeemed, wanted_minor, granted_minor, points, taken
              FROM redemptions
             WHERE transaction_id = ANY(ARRAY(
                     SELECT %(transaction_id)s
                      UNION ALL
                     SELECT returns.transaction_id
                       FROM returns
                      WHERE original_id = %(transaction_id)s
                   ))
             -- The sale comes first: of the parts of a charge, what it was is told by it.
             ORDER BY promotion_id, redeemed DESC, granted_minor DESC
            """,
            {"transaction_id": transaction_id},
        )
        .fetchall()
    )
