"""Accounts: users as administrators keep them, and as their addresses find them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.accounts import Account, AccountTerms, EmailTaken, PhoneTaken
from shared.domain.users import Role, User
from shared.rows import constraints, of
from shared.store import Conn

_TAKEN = {
    "users_phone_key": lambda: PhoneTaken(pointer="/phone"),
    "users_email_key": lambda: EmailTaken(pointer="/email"),
}


def get(conn: Conn, user_id: UUID) -> Account | None:
    return (
        conn.cursor(row_factory=of(Account))
        .execute(
            """
            SELECT id, name, role, phone, email, active, created_at,
                   array(
                     SELECT store_id
                       FROM user_stores
                      WHERE user_id = users.id
                      ORDER BY store_id
                   ) AS store_ids
              FROM users
             WHERE id = %(user_id)s
            """,
            {"user_id": user_id},
        )
        .fetchone()
    )


def lock(conn: Conn, user_id: UUID) -> Account | None:
    """The account as it is and stays until the transaction ends."""
    conn.execute("SELECT FROM users WHERE id = %(user_id)s FOR UPDATE", {"user_id": user_id})
    return get(conn, user_id)


def get_by_address(conn: Conn, *, phone: str | None, email: str | None) -> User | None:
    """The active user who has the phone or the e-mail; give one of them."""
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
             WHERE (phone = %(phone)s OR email = %(email)s)
               AND active
            """,
            {"phone": phone, "email": email},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    text: str | None,
    role: Role | None,
    store_id: str | None,
    active: bool | None,
    before: UUID | None,
    limit: int,
) -> list[Account]:
    """Accounts, newest first; `text` is looked for in name, phone and e-mail."""
    return (
        conn.cursor(row_factory=of(Account))
        .execute(
            """
            SELECT id, name, role, phone, email, active, created_at,
                   array(
                     SELECT store_id
                       FROM user_stores
                      WHERE user_id = users.id
                      ORDER BY store_id
                   ) AS store_ids
              FROM users
             WHERE (%(text)s::text IS NULL
                    OR position(lower(%(text)s) IN lower(name)) > 0
                    OR position(%(text)s IN phone) > 0
                    OR position(lower(%(text)s) IN email) > 0)
               AND (%(role)s::text IS NULL OR role = %(role)s)
               AND (%(active)s::boolean IS NULL OR active = %(active)s)
               AND (%(store_id)s::text IS NULL
                    OR EXISTS (SELECT
                                 FROM user_stores
                                WHERE user_id = users.id
                                  AND store_id = %(store_id)s))
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {
                "text": text,
                "role": role,
                "active": active,
                "store_id": store_id,
                "before": before,
                "limit": limit,
            },
        )
        .fetchall()
    )


def insert(conn: Conn, terms: AccountTerms, *, now: datetime) -> UUID:
    """Raises PhoneTaken, EmailTaken."""
    with constraints(_TAKEN):
        return conn.execute(
            """
            INSERT INTO users (name, role, phone, email, created_at)
            VALUES (%(name)s, %(role)s, %(phone)s, %(email)s, %(now)s)
            RETURNING id
            """,
            {
                "name": terms.name,
                "role": terms.role,
                "phone": terms.phone,
                "email": terms.email,
                "now": now,
            },
        ).fetchall()[0][0]


def update(conn: Conn, user_id: UUID, terms: AccountTerms) -> None:
    """Raises PhoneTaken, EmailTaken. Another role ends the user's sessions (a trigger of the table)."""
    with constraints(_TAKEN):
        conn.execute(
            """
            UPDATE users
               SET name = %(name)s,
                   role = %(role)s,
                   phone = %(phone)s,
                   email = %(email)s
             WHERE id = %(user_id)s
            """,
            {
                "user_id": user_id,
                "name": terms.name,
                "role": terms.role,
                "phone": terms.phone,
                "email": terms.email,
            },
        )


def update_active(conn: Conn, user_id: UUID, *, active: bool) -> None:
    """Disabling ends the user's sessions (a trigger of the table)."""
    conn.execute(
        "UPDATE users SET active = %(active)s WHERE id = %(user_id)s", {"user_id": user_id, "active": active}
    )


def find_unknown_store(conn: Conn, store_ids: Sequence[str]) -> str | None:
    """The first of the stores that there is not, or is not active."""
    row = conn.execute(
        """
        SELECT named.store_id
          FROM unnest(%(store_ids)s::text[]) AS named (store_id)
         WHERE NOT EXISTS (SELECT FROM stores WHERE id = named.store_id AND active)
         LIMIT 1
        """,
        {"store_ids": list(store_ids)},
    ).fetchone()
    return None if row is None else row[0]


def update_stores(conn: Conn, user_id: UUID, store_ids: Sequence[str]) -> None:
    """Let the user work in exactly these stores."""
    conn.execute(
        """
          WITH gone AS (
                 DELETE FROM user_stores
                  WHERE user_id = %(user_id)s
                    AND store_id <> ALL (%(store_ids)s)
               )
        INSERT INTO user_stores (user_id, store_id)
        SELECT %(user_id)s, unnest(%(store_ids)s::text[])
            ON CONFLICT DO NOTHING
        """,
        {"user_id": user_id, "store_ids": list(store_ids)},
    )
