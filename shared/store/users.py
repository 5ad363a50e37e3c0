"""Users and the stores they work in."""

from datetime import datetime
from uuid import UUID

from shared.domain.users import Role, User
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, user_id: UUID) -> User | None:
    """The user, if there is one and they are active."""
    return (
        conn.cursor(row_factory=of(User))
        .execute(
            """
            SELECT id, name, role, phone, email,
                   array(
                     SELECT store_id
                       FROM user_stores
                      WHERE user_id = users.id
                      ORDER BY store_id
                   ) AS store_ids
              FROM users
             WHERE id = %(user_id)s
               AND active
            """,
            {"user_id": user_id},
        )
        .fetchone()
    )


def insert(
    conn: Conn, *, name: str, role: Role, phone: str | None, now: datetime, email: str | None = None
) -> UUID:
    """One of `phone` (E.164) and `email` (lower case) at least."""
    row = conn.execute(
        """
        INSERT INTO users (name, role, phone, email, created_at)
        VALUES (%(name)s, %(role)s, %(phone)s, %(email)s, %(now)s)
        RETURNING id
        """,
        {"name": name, "role": role, "phone": phone, "email": email, "now": now},
    ).fetchone()
    assert row is not None  # noqa: S101 - an INSERT without a WHERE returns its row
    return row[0]


def insert_store(conn: Conn, *, user_id: UUID, store_id: str) -> None:
    """Let the user work in the store."""
    conn.execute(
        """
        INSERT INTO user_stores (user_id, store_id)
        VALUES (%(user_id)s, %(store_id)s)
        """,
        {"user_id": user_id, "store_id": store_id},
    )


def reaches_store(conn: Conn, *, user_id: UUID, store_id: str) -> bool:
    """Whether the user may work in the store: one of theirs or, for who looks after several, below one."""
    return conn.execute(
        "SELECT user_reaches_store(%(user_id)s, %(store_id)s)", {"user_id": user_id, "store_id": store_id}
    ).fetchall()[0][0]
