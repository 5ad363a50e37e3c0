"""Purge: what is old enough to go, counted and deleted some at a time.

Rows that another purge is deleting at the moment are left to it.
"""

from datetime import datetime

from shared.store import Conn


def count_idempotency_keys(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM idempotency_keys WHERE created_at < %(before)s", {"before": before}
    ).fetchall()[0][0]


def delete_idempotency_keys(conn: Conn, before: datetime, most: int) -> int:
    """The sales stay, and so do their receipt numbers."""
    return conn.execute(
        """
        DELETE FROM idempotency_keys
         WHERE (user_id, key) IN (
                 SELECT user_id, key
                   FROM idempotency_keys
                  WHERE created_at < %(before)s
                  ORDER BY created_at
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount


def count_otp_challenges(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM otp_challenges WHERE created_at < %(before)s", {"before": before}
    ).fetchall()[0][0]


def delete_otp_challenges(conn: Conn, before: datetime, most: int) -> int:
    return conn.execute(
        """
        DELETE FROM otp_challenges
         WHERE id IN (
                 SELECT id
                   FROM otp_challenges
                  WHERE created_at < %(before)s
                  ORDER BY created_at
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount


def count_refresh_tokens(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM refresh_tokens WHERE expires_at < %(before)s", {"before": before}
    ).fetchall()[0][0]


def delete_refresh_tokens(conn: Conn, before: datetime, most: int) -> int:
    """Tokens that would be refused as too old, of sessions that may go on."""
    return conn.execute(
        """
        DELETE FROM refresh_tokens
         WHERE digest IN (
                 SELECT digest
                   FROM refresh_tokens
                  WHERE expires_at < %(before)s
                  ORDER BY expires_at
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount


def count_sessions(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM sessions WHERE expires_at < %(before)s OR ended_at < %(before)s",
        {"before": before},
    ).fetchall()[0][0]


def delete_sessions(conn: Conn, before: datetime, most: int) -> int:
    """Sessions that are over, with their tokens."""
    return conn.execute(
        """
        DELETE FROM sessions
         WHERE id IN (
                 SELECT id
                   FROM sessions
                  WHERE expires_at < %(before)s
                     OR ended_at < %(before)s
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount


def count_outbox(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM outbox WHERE coalesce(sent_at, failed_at) < %(before)s", {"before": before}
    ).fetchall()[0][0]


def delete_outbox(conn: Conn, before: datetime, most: int) -> int:
    """Messages that were sent or given up."""
    return conn.execute(
        """
        DELETE FROM outbox
         WHERE id IN (
                 SELECT id
                   FROM outbox
                  WHERE coalesce(sent_at, failed_at) < %(before)s
                  ORDER BY coalesce(sent_at, failed_at)
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount


def count_jobs(conn: Conn, before: datetime) -> int:
    return conn.execute(
        "SELECT count(*) FROM jobs WHERE parent_id IS NULL AND finished_at < %(before)s", {"before": before}
    ).fetchall()[0][0]


def delete_jobs(conn: Conn, before: datetime, most: int) -> int:
    """Jobs that ended, with their slices."""
    return conn.execute(
        """
        DELETE FROM jobs
         WHERE id IN (
                 SELECT id
                   FROM jobs
                  WHERE parent_id IS NULL
                    AND finished_at < %(before)s
                  ORDER BY finished_at
                  LIMIT %(most)s
                    FOR UPDATE SKIP LOCKED
               )
        """,
        {"before": before, "most": most},
    ).rowcount
