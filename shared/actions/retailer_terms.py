"""Retailer terms: reading them, and writing another revision."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.domain import receipt_mappings
from shared.domain.audit import Action, By, Subject
from shared.domain.receipt_mappings import ReceiptMapping
from shared.domain.reconciliation import rules as reconciliation_rules
from shared.domain.reconciliation.rules import Rules
from shared.domain.retailer_terms import (
    MappingNotFound,
    RetailerMapping,
    RetailerRules,
    Revised,
    TermsName,
)
from shared.domain.stores import RetailerUnknown
from shared.rows import adapter
from shared.store import Conn, audit, retailer_terms, stores

_ACTIONS = {
    TermsName.RECEIPT_MAPPING: Action.RECEIPT_MAPPING_CHANGED,
    TermsName.RECONCILIATION_RULES: Action.RECONCILIATION_RULES_CHANGED,
}

type Precondition = Callable[[int], None]
"""Raises unless the revision is what the caller has seen; 0 where there was none."""


def get_mapping(conn: Conn, retailer_id: str) -> RetailerMapping:
    """Raises RetailerUnknown, MappingNotFound."""
    found = _get(conn, retailer_id, TermsName.RECEIPT_MAPPING)
    if found is None:
        raise MappingNotFound(retailer_id=retailer_id)
    return RetailerMapping(
        retailer_id=retailer_id,
        revision=found.revision,
        mapping=adapter(ReceiptMapping).validate_python(found.terms),
        updated_by=found.created_by,
        updated_at=found.created_at,
    )


def find_mapping(conn: Conn, retailer_id: str | None) -> ReceiptMapping | None:
    """How the till of the retailer writes, where anybody said."""
    if retailer_id is None:
        return None
    found = retailer_terms.get(conn, retailer_id, TermsName.RECEIPT_MAPPING)
    return None if found is None else adapter(ReceiptMapping).validate_python(found.terms)


def put_mapping(
    conn: Conn, now: datetime, retailer_id: str, *, mapping: ReceiptMapping, expects: Precondition, by: By
) -> RetailerMapping:
    """Write a mapping, which counts from the next file on. `conn` must be in a transaction.

    Raises RetailerUnknown, MappingInvalid, and what `expects` does.
    """
    receipt_mappings.check(mapping)
    _put(conn, now, retailer_id, TermsName.RECEIPT_MAPPING, terms=asdict(mapping), expects=expects, by=by)
    return get_mapping(conn, retailer_id)


def get_rules(conn: Conn, retailer_id: str) -> RetailerRules:
    """The rules, the usual ones where nobody wrote others. Raises RetailerUnknown."""
    found = _get(conn, retailer_id, TermsName.RECONCILIATION_RULES)
    if found is None:
        return RetailerRules(retailer_id=retailer_id, revision=0, rules=Rules())
    return RetailerRules(
        retailer_id=retailer_id,
        revision=found.revision,
        rules=adapter(Rules).validate_python(found.terms),
        updated_by=found.created_by,
        updated_at=found.created_at,
    )


def put_rules(
    conn: Conn, now: datetime, retailer_id: str, *, rules: Rules, expects: Precondition, by: By
) -> RetailerRules:
    """Write rules, which count from the next run on. `conn` must be in a transaction.

    Raises RetailerUnknown, RulesInvalid, and what `expects` does.
    """
    reconciliation_rules.check(rules)
    _put(conn, now, retailer_id, TermsName.RECONCILIATION_RULES, terms=asdict(rules), expects=expects, by=by)
    return get_rules(conn, retailer_id)


def _get(conn: Conn, retailer_id: str, name: TermsName) -> Revised | None:
    if not stores.is_retailer(conn, retailer_id):
        raise RetailerUnknown(retailer_id=retailer_id)
    return retailer_terms.get(conn, retailer_id, name)


def _put(
    conn: Conn,
    now: datetime,
    retailer_id: str,
    name: TermsName,
    *,
    terms: dict[str, Any],
    expects: Precondition,
    by: By,
) -> None:
    retailer_terms.lock(conn, retailer_id)
    before = _get(conn, retailer_id, name)
    expects(0 if before is None else before.revision)
    revision = 1 if before is None else before.revision + 1
    retailer_terms.insert(
        conn, retailer_id, name, revision=revision, terms=terms, user_id=by.user_id, now=now
    )
    audit.insert(
        conn,
        now=now,
        by=by,
        action=_ACTIONS[name],
        subject=Subject.RETAILER,
        subject_id=retailer_id,
        before=None if before is None else {"revision": before.revision, "terms": before.terms},
        after={"revision": revision, "terms": terms},
    )
