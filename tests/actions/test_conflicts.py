"""The conflict scan on what is live: proved with goods and stores that there are, groups as defined now."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.actions import conflicts, groups, promotions
from shared.domain.audit import By
from shared.domain.conflict_reports import ReportedConflict
from shared.domain.engine import Lane
from shared.domain.engine.proofs import Effect
from shared.domain.groups import GroupTerms, Subject
from shared.domain.promotions import PromotionNotFound
from tests.rows import NOW, Conn, a_product, a_store, a_user, percent_off, terms


def create(conn: Conn, **changes: Any) -> UUID:
    with conn.transaction():
        return promotions.create(conn, NOW, terms=terms(**changes), by=By(a_user(conn))).id


def publish(conn: Conn, **changes: Any) -> UUID:
    promotion_id = create(conn, **changes)
    with conn.transaction():
        promotions.publish(conn, NOW, promotion_id, by=By(a_user(conn)), approval_required=False)
    return promotion_id


def brand(name: str) -> dict[str, Any]:
    return {"fact": "product.brand", "op": "eq", "value": name}


def scan(conn: Conn, promotion_id: UUID) -> list[ReportedConflict]:
    return list(conflicts.scan(conn, NOW, promotion_id).conflicts)


def test_a_draft_beside_what_is_live(conn: Conn) -> None:
    a_store(conn, "S1")
    a_store(conn, "S2", city="Milano")
    a_product(conn, "F-1", "80.00", brand="Fjord")
    a_product(conn, "L-1", "40.00", brand="Lumen")
    meets = publish(conn, name="All at ten")
    publish(conn, name="Fjord alone", rule=percent_off("50", target=brand("Fjord")))
    publish(conn, name="Another lane", lane=Lane.ORDER)
    where = {"fact": "store.city", "op": "eq", "value": "Milano"}
    draft = create(conn, rule=percent_off("20", target=brand("Lumen")), stores=where)
    report = conflicts.scan(conn, NOW, draft)
    assert (report.version, report.compared) == (1, 3)
    (found,) = report.conflicts
    assert (found.promotion_id, found.name) == (meets, "All at ten")
    assert found.proof is not None
    assert (found.proof.effect, found.proof.winners) == (Effect.BEATS, (draft,))
    basket = found.proof.basket
    assert (basket.store_id, basket.real_store, basket.currency) == ("S2", True, "EUR")
    (line,) = basket.lines
    assert (line.sku, line.real, line.quantity, line.unit_price) == ("L-1", True, 1, Decimal("40.00"))
    discounts = {each.promotion_id: (each.alone, each.together) for each in found.proof.discounts}
    assert discounts == {draft: (Decimal(8), Decimal(8)), meets: (Decimal(4), Decimal(0))}


def test_what_nobody_sells_is_made_up(conn: Conn) -> None:
    publish(conn, rule=percent_off("5", target=brand("Nobody")))
    (found,) = scan(conn, create(conn, rule=percent_off("20", target=brand("Nobody"))))
    assert found.proof is not None
    (line,) = found.proof.basket.lines
    assert (line.real, found.proof.basket.real_store) == (False, False)
    assert line.facts == {"product.brand": "Nobody"}


def test_groups_meet_by_what_they_are_defined_as(conn: Conn) -> None:
    a_store(conn, "S1")
    a_product(conn, "L-1", "40.00", brand="Lumen")
    a_product(conn, "F-1", "80.00", brand="Fjord")

    def group(name: str) -> dict[str, Any]:
        made = GroupTerms(name=name, description="", filter=brand(name))
        return {
            "in_group": str(groups.create(conn, NOW, Subject.PRODUCT, terms=made, by=By(a_user(conn))).id)
        }

    lumen, fjord = group("Lumen"), group("Fjord")
    publish(conn, name="Lumen", rule=percent_off("5", target=lumen))
    publish(conn, name="Fjord", rule=percent_off("5", target=fjord))
    (found,) = scan(conn, create(conn, rule=percent_off("20", target=lumen)))
    assert found.name == "Lumen"
    assert found.proof is not None
    assert [line.sku for line in found.proof.basket.lines] == ["L-1"]


def test_its_own_published_version_is_no_conflict(conn: Conn) -> None:
    promotion_id = publish(conn)
    assert scan(conn, promotion_id) == []


def test_schedules_that_never_meet_are_no_conflict(conn: Conn) -> None:
    publish(conn)
    assert scan(conn, create(conn, starts_at=datetime(2027, 1, 1), ends_at=None)) == []  # noqa: DTZ001 - local


def test_one_that_is_not_there(conn: Conn) -> None:
    with pytest.raises(PromotionNotFound):
        conflicts.scan(conn, NOW, uuid4())
