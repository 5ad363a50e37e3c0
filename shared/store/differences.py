"""Differences: the work list, revised by runs and resolved by people."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from shared.domain.audit import Action, By, Subject
from shared.domain.reconciliation.differences import (
    BY_PEOPLE,
    Difference,
    DifferenceKind,
    DifferenceState,
    Finding,
    Resolution,
    Settled,
)
from shared.rows import jsonb, of
from shared.store import Conn


def get(conn: Conn, difference_id: UUID) -> Difference | None:
    return (
        conn.cursor(row_factory=of(Difference))
        .execute(
            """
            SELECT id, kind, state, retailer_id, store_id, day, currency, transaction_id, receipt_id, ours,
                   theirs, promotion, candidates, resolution, matched_with, reason, resolved_by, resolved_at,
                   found_at, updated_at
              FROM differences
             WHERE id = %(id)s
            """,
            {"id": difference_id},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    kind: DifferenceKind | None,
    state: DifferenceState | None,
    retailer_id: str | None,
    store_id: str | None,
    before: UUID | None,
    limit: int,
) -> list[Difference]:
    """Newest first; None does not narrow."""
    return (
        conn.cursor(row_factory=of(Difference))
        .execute(
            """
            SELECT id, kind, state, retailer_id, store_id, day, currency, transaction_id, receipt_id, ours,
                   theirs, promotion, candidates, resolution, matched_with, reason, resolved_by, resolved_at,
                   found_at, updated_at
              FROM differences
             WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
               AND (%(state)s::text IS NULL OR state = %(state)s)
               AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
               AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {
                "kind": kind,
                "state": state,
                "retailer_id": retailer_id,
                "store_id": store_id,
                "before": before,
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_settled(conn: Conn, *, sales: Sequence[UUID], receipts: Sequence[UUID]) -> list[Settled]:
    """What people decided on findings of these slips, the last word of each key last."""
    return (
        conn.cursor(row_factory=of(Settled))
        .execute(
            """
            SELECT key, resolution, ours, theirs
              FROM differences
             WHERE (transaction_id = ANY(%(sales)s) OR receipt_id = ANY(%(receipts)s))
               AND resolution = ANY(%(by_people)s)
             ORDER BY id
            """,
            {"sales": list(sales), "receipts": list(receipts), "by_people": list(BY_PEOPLE)},
        )
        .fetchall()
    )


def merge(
    conn: Conn,
    findings: Sequence[tuple[str, str, Finding]],
    *,
    day: date,
    now: datetime,
) -> None:
    """Open the findings (retailer, store, finding) that are new, and revise the open ones that differ.

    Each of them has its entry in the audit.
    """
    conn.execute(
        """
          WITH merged AS (
                 INSERT INTO differences AS d (
                   key, kind, retailer_id, store_id, day, currency, transaction_id, receipt_id, ours, theirs,
                   promotion, candidates, found_at, updated_at
                 )
                 SELECT f.key, f.kind, f.retailer_id, f.store_id, %(day)s, f.currency, f.transaction_id,
                        f.receipt_id, f.ours, f.theirs, f.promotion, f.candidates, %(now)s, %(now)s
                   FROM jsonb_populate_recordset(NULL::differences, %(findings)s) AS f
                     ON CONFLICT (key) WHERE state = 'open' DO UPDATE
                    SET ours = excluded.ours,
                        theirs = excluded.theirs,
                        candidates = excluded.candidates,
                        updated_at = excluded.updated_at
                  WHERE (d.ours, d.theirs, d.candidates)
                        IS DISTINCT FROM
                        (excluded.ours, excluded.theirs, excluded.candidates)
                 RETURNING new.id, old.id IS NULL AS is_new, old AS before, new AS after
               )
        INSERT INTO audit_entries (at, action, subject_kind, subject_id, before, after)
        SELECT %(now)s, CASE WHEN is_new THEN %(found)s ELSE %(revised)s END, %(subject)s, id,
               CASE WHEN NOT is_new THEN difference_facts(before) END, difference_facts(after)
          FROM merged
        """,
        {
            "day": day,
            "now": now,
            "findings": jsonb([_row(*finding) for finding in findings]),
            "found": Action.DIFFERENCE_FOUND,
            "revised": Action.DIFFERENCE_REVISED,
            "subject": Subject.DIFFERENCE,
        },
    )


def update_withdrawn(
    conn: Conn, *, sales: Sequence[UUID], receipts: Sequence[UUID], found: Sequence[str], now: datetime
) -> None:
    """Close what was open of these slips and is not found any more, each with its entry in the audit."""
    conn.execute(
        """
          WITH withdrawn AS (
                 UPDATE differences
                    SET state = 'resolved', resolution = 'withdrawn', resolved_at = %(now)s,
                        updated_at = %(now)s
                  WHERE state = 'open'
                    AND (transaction_id = ANY(%(sales)s) OR receipt_id = ANY(%(receipts)s))
                    AND key <> ALL(%(found)s)
                 RETURNING new.id, old AS before, new AS after
               )
        INSERT INTO audit_entries (at, action, subject_kind, subject_id, before, after)
        SELECT %(now)s, %(action)s, %(subject)s, id, difference_facts(before), difference_facts(after)
          FROM withdrawn
        """,
        {
            "sales": list(sales),
            "receipts": list(receipts),
            "found": list(found),
            "now": now,
            "action": Action.DIFFERENCE_WITHDRAWN,
            "subject": Subject.DIFFERENCE,
        },
    )


def find_open(
    conn: Conn,
    *,
    ids: Sequence[UUID] | None,
    kind: DifferenceKind | None,
    retailer_id: str | None,
    store_id: str | None,
    limit: int,
) -> list[tuple[UUID, str]]:
    """The open differences of these ids or, where those are None, that the others narrow to; with stores."""
    return [
        (row[0], row[1])
        for row in conn.execute(
            """
            SELECT id, store_id
              FROM differences
             WHERE state = 'open'
               AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
               AND (%(kind)s::text IS NULL OR kind = %(kind)s)
               AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
               AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
             ORDER BY id
             LIMIT %(limit)s
            """,
            {
                "ids": None if ids is None else list(ids),
                "kind": kind,
                "retailer_id": retailer_id,
                "store_id": store_id,
                "limit": limit,
            },
        )
    ]


def find_known(conn: Conn, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that a difference has, open or not."""
    return {
        row[0]
        for row in conn.execute("SELECT id FROM differences WHERE id = ANY(%(ids)s)", {"ids": list(ids)})
    }


def lock_open(conn: Conn, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the differences that are open, which stay so until the transaction ends."""
    rows = conn.execute(
        """
        SELECT id
          FROM differences
         WHERE id = ANY(%(ids)s)
           AND state = 'open'
         ORDER BY id
           FOR UPDATE
        """,
        {"ids": list(ids)},
    ).fetchall()
    return [row[0] for row in rows]


def update_resolved(
    conn: Conn,
    ids: Sequence[UUID],
    *,
    resolution: Resolution,
    reason: str,
    by: By,
    now: datetime,
    matched_with: UUID | None = None,
) -> None:
    """Resolve the differences, each with its entry in the audit. `matched_with` is the other side."""
    conn.execute(
        """
          WITH resolved AS (
                 UPDATE differences
                    SET state = 'resolved', resolution = %(resolution)s,
                        matched_with = %(matched_with)s, reason = %(reason)s,
                        resolved_by = %(user_id)s, resolved_at = %(now)s, updated_at = %(now)s
                  WHERE id = ANY(%(ids)s)
                    AND state = 'open'
                 RETURNING new.id, old AS before, new AS after
               )
        INSERT INTO audit_entries (at, actor, action, subject_kind, subject_id, before, after, request_id)
        SELECT %(now)s, %(user_id)s, %(action)s, %(subject)s, id, difference_facts(before),
               difference_facts(after), %(request_id)s
          FROM resolved
        """,
        {
            "ids": list(ids),
            "resolution": resolution,
            "matched_with": matched_with,
            "reason": reason,
            "user_id": by.user_id,
            "request_id": by.request_id,
            "action": Action.DIFFERENCE_RESOLVED,
            "subject": Subject.DIFFERENCE,
            "now": now,
        },
    )


def _row(retailer_id: str, store_id: str, finding: Finding) -> dict[str, object]:
    return {
        "key": finding.key,
        "kind": finding.kind,
        "retailer_id": retailer_id,
        "store_id": store_id,
        "currency": finding.currency,
        "transaction_id": finding.transaction_id,
        "receipt_id": finding.receipt_id,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "promotion": finding.promotion,
        "candidates": finding.candidates,
    }
