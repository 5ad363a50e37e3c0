"""Applicable: what could be used in a store now, without a basket."""

from datetime import datetime
from uuid import uuid4

from shared import rulesets
from shared.domain import counters, transactions
from shared.domain.applicable import Applicable, applicable, groups_in_words, without_currency
from shared.domain.baskets import SaleRequest
from shared.domain.users import Caller
from shared.store import Conn, groups, rule_sets, sale_facts


def find(conn: Conn, now: datetime, *, request: SaleRequest, caller: Caller) -> tuple[Applicable, ...]:
    """The promotions in force for a request without lines; its channel and currency may be empty.

    Raises StoreOutOfScope, and what `domain.applicable.applicable` does.
    """
    transactions.require_permitted(request, caller)
    live = rulesets.get(conn, rule_sets.get_newest(conn))
    if not request.currency:
        live = without_currency(live)
    facts = sale_facts.get(
        conn,
        now,
        request=request,
        live=live,
        new_customer_id=uuid4(),
        # Whichever: nothing is taken.
        slots=counters.preferred_slots(0, 0),
        whole_counters=True,
        user_id=caller.user_id,
        key=None,
    )
    names = groups.find_names(conn, groups_in_words(live.rule_set))
    return applicable(live.rule_set, request, facts, now, group_names=names)
