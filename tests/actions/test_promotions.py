"""Promotions: which change of status is allowed, what it does to the rule set, and what never changes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from shared import rulesets
from shared.actions import lanes, promotions
from shared.domain.audit import By
from shared.domain.engine import Basket, BasketLine, Lane, RuleInvalid, StoreFacts, evaluate
from shared.domain.engine.ruleset import Funder, OnReturn
from shared.domain.errors import Refused
from shared.domain.filters import FilterInvalid
from shared.domain.funding import FundingInvalid
from shared.domain.lanes import LaneMode
from shared.domain.limits import LimitsInvalid
from shared.domain.promotions import (
    ExclusiveCannotStack,
    NothingToPublish,
    Promotion,
    PromotionArchived,
    PromotionEnded,
    PromotionNotFound,
    PromotionStatus,
    Terms,
    TransitionRefused,
)
from shared.domain.schedules import ScheduleInvalid
from shared.store import promotions as rows
from shared.store import rule_sets
from tests.rows import NOW, Conn, a_store, a_user, percent_off, terms

BY = By(UUID(int=7), "request-7")


@pytest.fixture
def author(conn: Conn) -> UUID:
    return a_user(conn)


def draft(conn: Conn, author: UUID, **changes: object) -> Promotion:
    with conn.transaction():
        return promotions.create(conn, NOW, terms=terms(**changes), by=By(author))


def published(conn: Conn, author: UUID, now: datetime = NOW, **changes: object) -> Promotion:
    promotion = draft(conn, author, **changes)
    with conn.transaction():
        return publish(conn, promotion.id, now=now)


def publish(conn: Conn, promotion_id: UUID, now: datetime = NOW) -> Promotion:
    """Without anybody's approval."""
    return promotions.publish(conn, now, promotion_id, by=BY, approval_required=False)


def current_members(conn: Conn) -> set[tuple[UUID, int]]:
    newest = conn.execute("SELECT max(version) FROM rule_sets").fetchone()
    assert newest is not None
    return {(member.promotion_id, member.version) for member in rule_sets.find_members(conn, newest[0] or 0)}


def rule_set_count(conn: Conn) -> int:
    row = conn.execute("SELECT count(*) FROM rule_sets").fetchone()
    assert row is not None
    return row[0]


# Refusals first.


def test_a_rule_that_means_nothing_is_refused_with_its_place(conn: Conn, author: UUID) -> None:
    with pytest.raises(RuleInvalid) as refusal:
        draft(conn, author, rule=percent_off("101"))
    assert refusal.value.pointer == "/rule/then/0/percent"
    assert conn.execute("SELECT count(*) FROM promotions").fetchone() == (0,)


def test_a_store_filter_that_means_nothing_is_refused_with_its_place(conn: Conn, author: UUID) -> None:
    with pytest.raises(FilterInvalid) as refusal:
        draft(conn, author, stores={"all": [{"fact": "store.city", "op": "is", "value": "Roma"}]})
    assert refusal.value.pointer == "/stores/all/0/op"


def test_exclusive_and_stackable_exclude_each_other(conn: Conn, author: UUID) -> None:
    with pytest.raises(ExclusiveCannotStack):
        draft(conn, author, exclusive=True, stackable=True)


def test_an_ended_promotion_is_not_published(conn: Conn, author: UUID) -> None:
    promotion = draft(conn, author, ends_at=datetime(2026, 6, 15))  # noqa: DTZ001 - local
    with pytest.raises(PromotionEnded), conn.transaction():
        publish(conn, promotion.id)
    assert rule_set_count(conn) == 0


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        (PromotionStatus.DRAFT, "pause"),
        (PromotionStatus.DRAFT, "resume"),
        (PromotionStatus.ACTIVE, "resume"),
        (PromotionStatus.PAUSED, "pause"),
        (PromotionStatus.ARCHIVED, "publish"),
        (PromotionStatus.ARCHIVED, "pause"),
        (PromotionStatus.ARCHIVED, "resume"),
        (PromotionStatus.ARCHIVED, "archive"),
    ],
)
def test_every_other_transition_is_refused(
    conn: Conn, author: UUID, status: PromotionStatus, verb: str
) -> None:
    promotion = draft(conn, author) if status is PromotionStatus.DRAFT else published(conn, author)
    with conn.transaction():
        if status is PromotionStatus.PAUSED:
            promotions.pause(conn, NOW, promotion.id, by=BY)
        if status is PromotionStatus.ARCHIVED:
            promotions.archive(conn, NOW, promotion.id, by=BY)
    with pytest.raises(TransitionRefused) as refusal, conn.transaction():
        given = {"approval_required": False} if verb == "publish" else {}
        getattr(promotions, verb)(conn, NOW, promotion.id, by=BY, **given)
    assert refusal.value.values["status"] == status.value


def test_the_same_version_is_not_published_twice(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with pytest.raises(NothingToPublish), conn.transaction():
        publish(conn, promotion.id)


def test_an_archived_promotion_is_not_edited(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        promotions.archive(conn, NOW, promotion.id, by=BY)
    with pytest.raises(PromotionArchived), conn.transaction():
        revise(conn, promotion.id, author, terms(name="Other"))


def test_an_unknown_promotion_is_not_found(conn: Conn) -> None:
    with pytest.raises(PromotionNotFound), conn.transaction():
        publish(conn, uuid4())


def revise(conn: Conn, promotion_id: UUID, author: UUID, to: Terms) -> Promotion:
    return promotions.revise(conn, NOW, promotion_id=promotion_id, change=lambda _: to, by=By(author))


# What is written never changes.


@pytest.mark.parametrize("table", ["promotion_versions", "rule_sets", "rule_set_members"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_versions_and_rule_sets_are_immutable(conn: Conn, author: UUID, table: str, verb: str) -> None:
    published(conn, author)
    column = {"promotion_versions": "name"}.get(
        table, "created_at" if table == "rule_sets" else "promotion_id"
    )
    with pytest.raises(psycopg.errors.IntegrityError, match="never changed"):
        conn.execute(verb.format(table, column, column).encode())


def test_an_edit_makes_a_version_and_leaves_the_published_one(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        edited = revise(conn, promotion.id, author, terms(rule=percent_off("20")))
    assert (edited.version, edited.published_version, edited.revision) == (2, 1, promotion.revision + 1)
    assert current_members(conn) == {(promotion.id, 1)}
    old = rows.get_published(conn, promotion.id)
    assert old is not None
    assert old.rule == percent_off("10")

    with conn.transaction():
        publish(conn, promotion.id)
    assert current_members(conn) == {(promotion.id, 2)}


def test_the_same_terms_make_no_version(conn: Conn, author: UUID) -> None:
    promotion = draft(conn, author)
    with conn.transaction():
        assert revise(conn, promotion.id, author, terms()) == promotion


def test_the_hash_is_of_the_meaning_not_of_the_order_of_keys() -> None:
    rule = {"schema": 1, "then": [{"kind": "percent_off", "percent": "10"}]}
    turned = {"then": [{"percent": "10", "kind": "percent_off"}], "schema": 1}
    assert terms(rule=rule).hash == terms(rule=turned).hash
    assert terms(rule=rule).hash != terms(rule=rule, priority=1).hash


# PromotionStatus, and what is live.


def test_publishing_labels_by_the_clock(conn: Conn, author: UUID) -> None:
    assert published(conn, author).status is PromotionStatus.ACTIVE
    later = published(conn, author, starts_at=datetime(2026, 9, 1))  # noqa: DTZ001 - local
    assert later.status is PromotionStatus.SCHEDULED
    assert {promotion_id for promotion_id, _ in current_members(conn)} >= {later.id}


def test_pausing_takes_it_out_and_resuming_puts_it_back(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        assert promotions.pause(conn, NOW, promotion.id, by=BY).status is PromotionStatus.PAUSED
    assert current_members(conn) == set()
    with conn.transaction():
        assert promotions.resume(conn, NOW, promotion.id, by=BY).status is PromotionStatus.ACTIVE
    assert current_members(conn) == {(promotion.id, 1)}


def test_publishing_a_paused_promotion_leaves_it_paused(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=BY)
        revise(conn, promotion.id, author, terms(priority=5))
        assert publish(conn, promotion.id).status is PromotionStatus.PAUSED
    assert current_members(conn) == set()


def test_resuming_after_the_end_is_refused(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=BY)
    with pytest.raises(PromotionEnded), conn.transaction():
        promotions.resume(conn, NOW + timedelta(days=365), promotion.id, by=BY)


def test_relabelling_waits_for_the_last_store_and_then_archives_once(conn: Conn, author: UUID) -> None:
    a_store(conn, "ROME", zone="Europe/Rome")
    a_store(conn, "AZORES", zone="Atlantic/Azores")
    promotion = published(conn, author, ends_at=datetime(2026, 7, 1))  # noqa: DTZ001 - local
    rome_ends = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    azores_ends = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    for now, expected in [
        (rome_ends - timedelta(seconds=1), None),
        (rome_ends, None),
        (azores_ends - timedelta(seconds=1), None),
        (azores_ends, PromotionStatus.ARCHIVED),
        (azores_ends, None),
    ]:
        with conn.transaction():
            assert promotions.relabel(conn, now, promotion.id) == expected
    assert current_members(conn) == set()


def test_relabelling_activates_with_the_first_store(conn: Conn, author: UUID) -> None:
    a_store(conn, "ROME", zone="Europe/Rome")
    a_store(conn, "TOKYO", zone="Asia/Tokyo")
    promotion = published(conn, author, starts_at=datetime(2026, 9, 1))  # noqa: DTZ001 - local
    tokyo_begins = datetime(2026, 8, 31, 15, 0, tzinfo=UTC)
    before = rule_set_count(conn)
    with conn.transaction():
        assert promotions.relabel(conn, tokyo_begins - timedelta(seconds=1), promotion.id) is None
        assert promotions.relabel(conn, tokyo_begins, promotion.id) is PromotionStatus.ACTIVE
    assert rule_set_count(conn) == before, "a label alone changes nothing that is evaluated"


def test_a_paused_promotion_is_archived_after_its_end_but_never_activated(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author, starts_at=datetime(2026, 9, 1))  # noqa: DTZ001 - local
    with conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=BY)
        assert promotions.relabel(conn, datetime(2026, 10, 1, tzinfo=UTC), promotion.id) is None
        assert (
            promotions.relabel(conn, datetime(2027, 2, 1, tzinfo=UTC), promotion.id)
            is PromotionStatus.ARCHIVED
        )


def test_an_unpublished_edit_does_not_move_the_end(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author, ends_at=datetime(2026, 7, 1))  # noqa: DTZ001 - local
    with conn.transaction():
        revise(conn, promotion.id, author, terms())
        assert (
            promotions.relabel(conn, datetime(2026, 8, 1, tzinfo=UTC), promotion.id)
            is PromotionStatus.ARCHIVED
        )


def test_parallel_publishes_all_end_up_in_the_newest_rule_set(
    conn: Conn, author: UUID, database_url: str
) -> None:
    drafts = [draft(conn, author, name=f"Promotion {number}") for number in range(12)]

    def publish_aside(promotion: Promotion) -> None:
        with psycopg.connect(database_url, autocommit=True) as own, own.transaction():
            publish(own, promotion.id)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(publish_aside, drafts))
    assert current_members(conn) == {(promotion.id, 1) for promotion in drafts}
    assert rule_set_count(conn) == 12


def test_what_is_read_back_is_what_was_sent(conn: Conn, author: UUID) -> None:
    sent = terms(stores={"fact": "store.attributes.size", "op": "gt", "value": 12.5}, priority=-3)
    promotion = draft(conn, author, **asdict(sent))
    for name, value in asdict(sent).items():
        assert getattr(promotion, name) == value
    assert promotion.hash == sent.hash


# Limits, funding, windows and returns.

EUROS = {"budget": "5000.00", "currency": "EUR", "partial": "grant_rest"}
BENEFITS = {
    "limits": ({"redemptions": 1, "per": "customer"}, EUROS),
    "funding": ({"party": "brand", "share": 0.7}, {"party": "retailer", "share": "0.3"}),
    "windows": ({"weekdays": ["mon", "sat"], "from": "22:00", "to": "02:00"},),
    "on_return": OnReturn.KEEP,
}


def test_a_rule_set_hands_the_engine_all_that_a_version_says(conn: Conn, author: UUID) -> None:
    published(conn, author, **BENEFITS)
    (member,) = rule_sets.find_members(conn, 1)
    handed = member.terms()
    assert handed.funding == (Funder("brand", 7000), Funder("retailer", 3000))
    assert [window.weekdays for window in handed.windows] == [frozenset({1, 6})]
    assert handed.on_return is OnReturn.KEEP
    assert [limit.name for limit in member.read_limits()] == ["redemptions per customer", "budget"]


def test_what_is_said_besides_is_part_of_the_hash_and_silence_is_not() -> None:
    # As it was when versions said none of it.
    assert terms().hash == "1da87caae77afefd4e9c44797386fcfcf568d0bb3a9190841df5867d1550d3f5"
    hashes = {terms(**{name: value}).hash for name, value in BENEFITS.items()}
    assert len(hashes | {terms().hash}) == 5


@pytest.mark.parametrize(
    ("changes", "refusal", "pointer"),
    [
        ({"limits": ({"redemptions": 0},)}, LimitsInvalid, "/limits/0/redemptions"),
        ({"limits": ({"budget": "1.00", "currency": "EUR", "per": "shop"},)}, LimitsInvalid, "/limits/0/per"),
        ({"funding": ({"party": "brand", "share": "0.9"},)}, FundingInvalid, "/funding"),
        ({"windows": ({"from": "09:00", "to": "25:00"},)}, ScheduleInvalid, "/windows/0/to"),
    ],
    ids=["redemptions", "per", "funding", "windows"],
)
def test_what_is_said_besides_is_read_strictly(
    conn: Conn, author: UUID, changes: dict[str, object], refusal: type[Refused], pointer: str
) -> None:
    with pytest.raises(refusal) as refused:
        draft(conn, author, **changes)
    assert refused.value.pointer == pointer


def test_all_amounts_of_a_promotion_share_one_currency(conn: Conn, author: UUID) -> None:
    dollars = {**EUROS, "currency": "USD", "per": "store"}
    off = {"kind": "amount_off", "amount": "5.00", "currency": "USD", "per": "basket"}
    in_dollars = {"schema": 1, "then": [off]}
    with pytest.raises(LimitsInvalid, match="USD") as refused:
        draft(conn, author, rule=in_dollars, limits=(EUROS,))
    assert refused.value.pointer == "/limits/0/currency"
    with pytest.raises(LimitsInvalid, match="EUR") as refused:
        draft(conn, author, limits=({"redemptions": 5}, EUROS, dollars))
    assert refused.value.pointer == "/limits/2/currency"
    assert draft(conn, author, rule=in_dollars, limits=({"redemptions": 5}, dollars)).limits[1] == dollars


# Lanes.


def test_a_lane_is_as_it_was_set_when_its_rule_set_was_made(conn: Conn, author: UUID) -> None:
    published(conn, author)
    with conn.transaction():
        lanes.set_mode(conn, NOW, Lane.ORDER, LaneMode.PRIORITY, by=BY)
        lanes.set_mode(conn, NOW, Lane.ORDER, LaneMode.PRIORITY, by=BY)
    assert rule_set_count(conn) == 2, "the mode it has makes no rule set"
    assert [rulesets.get(conn, version).rule_set.priority_lanes for version in (1, 2)] == [
        frozenset(),
        {"order"},
    ]
    with conn.transaction():
        lanes.set_mode(conn, NOW, Lane.ORDER, LaneMode.BEST, by=BY)
    assert rulesets.get(conn, 3).rule_set.priority_lanes == frozenset()
    assert entries(conn, "lane") == [
        ("lane.changed", {"mode": "best"}, {"mode": "priority"}),
        ("lane.changed", {"mode": "priority"}, {"mode": "best"}),
    ]


# Audit.


def entries(conn: Conn, subject: str) -> list[tuple[str, Any, Any]]:
    return conn.execute(
        "SELECT action, before, after FROM audit_entries WHERE subject_kind = %s ORDER BY id", [subject]
    ).fetchall()


def test_every_change_of_state_leaves_an_entry(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author)
    with conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=BY)
        revise(conn, promotion.id, author, terms(name="Other"))
        promotions.resume(conn, NOW, promotion.id, by=BY)
        promotions.relabel(conn, NOW, promotion.id)
        promotions.relabel(conn, NOW + timedelta(days=365), promotion.id)
    told = [
        (action, before and before["status"], after["status"], after["version"], after["published_version"])
        for action, before, after in entries(conn, "promotion")
    ]
    assert told == [
        ("promotion.created", None, "Draft", 1, None),
        ("promotion.published", "Draft", "Active", 1, 1),
        ("promotion.paused", "Active", "Paused", 1, 1),
        ("promotion.revised", "Paused", "Paused", 2, 1),
        ("promotion.resumed", "Paused", "Active", 2, 1),
        ("promotion.relabelled", "Active", "Archived", 2, 1),
    ]
    actors = conn.execute("SELECT actor, request_id FROM audit_entries ORDER BY id").fetchall()
    mine, theirs = (BY.user_id, BY.request_id), (author, None)
    assert actors == [theirs, mine, mine, theirs, mine, (None, None)]


def test_what_was_refused_leaves_no_entry(conn: Conn, author: UUID) -> None:
    promotion = draft(conn, author)
    with pytest.raises(TransitionRefused), conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=BY)
    with conn.transaction():
        revise(conn, promotion.id, author, terms())
    assert [action for action, _, _ in entries(conn, "promotion")] == ["promotion.created"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET actor = NULL", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
def test_entries_are_only_ever_added(conn: Conn, author: UUID, statement: LiteralString) -> None:
    draft(conn, author)
    with pytest.raises(psycopg.errors.IntegrityError, match="never changed"):
        conn.execute(statement)


# The timer that never ran.


def test_what_is_in_force_is_asked_of_the_clock_not_of_the_label(conn: Conn, author: UUID) -> None:
    """Published long before it begins; nobody relabels it before, within, or after its time."""
    a_store(conn, "ROME", zone="Europe/Rome")
    promotion = published(
        conn,
        author,
        starts_at=datetime(2026, 9, 1),  # noqa: DTZ001 - local
        ends_at=datetime(2026, 10, 1),  # noqa: DTZ001 - local
    )
    rule_set = rulesets.get(conn, 1).rule_set
    line = BasketLine("A", 1, 3333, Decimal(22), {})
    basket = Basket(StoreFacts("ROME", "Europe/Rome", {}), "EUR", "store", (), (line,))
    begins, ends = datetime(2026, 8, 31, 22, tzinfo=UTC), datetime(2026, 9, 30, 22, tzinfo=UTC)
    second = timedelta(seconds=1)
    discounts = [
        evaluate(rule_set, basket, now).discount for now in (begins - second, begins, ends - second, ends)
    ]
    assert discounts == [0, 333, 333, 0]
    assert rows.get(conn, promotion.id).status is PromotionStatus.SCHEDULED


def test_a_timer_that_missed_the_whole_time_of_a_promotion_catches_up(conn: Conn, author: UUID) -> None:
    promotion = published(conn, author, starts_at=datetime(2026, 9, 1), ends_at=datetime(2026, 10, 1))  # noqa: DTZ001
    late = datetime(2026, 12, 24, tzinfo=UTC)
    with conn.transaction():
        assert promotions.relabel(conn, late, promotion.id) is PromotionStatus.ARCHIVED
        assert promotions.relabel(conn, late, promotion.id) is None
    assert current_members(conn) == set()


def test_windows_are_nothing_to_labels(conn: Conn, author: UUID) -> None:
    monday_morning = ({"weekdays": ["mon"], "from": "06:00", "to": "07:00"},)
    assert published(conn, author, windows=monday_morning).status is PromotionStatus.ACTIVE
