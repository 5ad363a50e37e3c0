"""Limits: the counters that are spread anew or given back to. Sales take by their own statement."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain import counters
from shared.domain.counters import CounterKey
from shared.store import Conn


def insert_slots(conn: Conn, key: CounterKey, slots: Iterable[int]) -> None:
    """Empty slots of a counter under a cap of zero; those that are there stay as they are."""
    conn.execute(
        """
        INSERT INTO limit_counters (promotion_id, name, subject, starts_on, slot, cap, room)
        SELECT %(promotion_id)s, %(name)s, %(subject)s, %(starts_on)s, slot, 0, 0
          FROM unnest(%(slots)s::smallint[]) AS slot
         ORDER BY slot
            ON CONFLICT DO NOTHING
        """,
        {**_named(key), "slots": list(slots)},
    )


def lock(conn: Conn, key: CounterKey) -> tuple[int, Mapping[int, int]]:
    """The cap and the rooms by slot, held until the transaction ends; a new slot has no cap of its own."""
    rows = conn.execute(
        """
        SELECT slot, cap, room
          FROM limit_counters
         WHERE promotion_id = %(promotion_id)s
           AND name = %(name)s
           AND subject = %(subject)s
           AND starts_on = %(starts_on)s
         ORDER BY slot
           FOR UPDATE
        """,
        _named(key),
    ).fetchall()
    return max((cap for _, cap, _ in rows), default=0), {slot: room for slot, _, room in rows}


def update(conn: Conn, key: CounterKey, *, cap: int, rooms: Mapping[int, int]) -> None:
    """Write the rooms of a counter. Needs `lock`."""
    conn.execute(
        """
        UPDATE limit_counters AS counter
           SET cap = %(cap)s,
               room = given.room
          FROM unnest(%(slots)s::smallint[], %(rooms)s::bigint[]) AS given (slot, room)
         WHERE promotion_id = %(promotion_id)s
           AND name = %(name)s
           AND subject = %(subject)s
           AND starts_on = %(starts_on)s
           AND counter.slot = given.slot
        """,
        {**_named(key), "cap": cap, "slots": list(rooms), "rooms": list(rooms.values())},
    )


def give_back(conn: Conn, key: CounterKey, amount: int) -> None:
    """Add an amount to what a counter has left; its debt is paid first."""
    cap, rooms = lock(conn, key)
    update(conn, key, cap=cap, rooms=counters.give_back(rooms, amount))


def _named(key: CounterKey) -> dict[str, Any]:
    return {
        "promotion_id": key.promotion_id,
        "name": key.name,
        "subject": key.subject,
        "starts_on": key.starts_on,
    }
