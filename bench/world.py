"""The world that is measured: catalogue, stores, promotions and users, and the baskets that come in."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg

from bench.offers import offers
from bench.plan import Plan
from samples import frames, lenses, stores
from shared.actions import promotions
from shared.domain.csv_rows import Table
from shared.domain.kinds import KINDS
from shared.domain.uploads import UploadKind
from shared.domain.users import Caller, Role
from shared.jobs.targets import STATEMENTS
from shared.store import users

SEED = 7
UPLOAD = UUID(int=1)

type Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Basket:
    """What one till sends, and who is at it."""

    user_id: UUID
    store_id: str
    body: dict[str, Any]

    @property
    def caller(self) -> Caller:
        return Caller(self.user_id, Role.STORE_USER, self.store_id)


def load(conn: Connection, plan: Plan, now: datetime) -> list[Basket]:
    """Fill an empty, migrated database. Everything but `now` is the same in every run of a plan."""
    frame_count = plan.products // 4
    files = (
        ("stores", stores.HEADER, list(stores.stores(plan.stores, SEED))),
        ("products_frame", frames.HEADER, list(frames.frames(frame_count, SEED))),
        ("products_lens", lenses.HEADER, list(lenses.lenses(plan.products - frame_count, SEED))),
    )
    for kind, header, rows in files:
        _ingest(conn, now, kind, header, rows)
    admin = users.insert(conn, name="Benchmark", role=Role.ADMIN, phone="+390600000001", now=now)
    for terms in offers(now):
        with conn.transaction():
            draft = promotions.create(conn, now, terms=terms, user_id=admin)
            promotions.publish(conn, now, draft.id)
    baskets = _baskets(conn, plan, now)
    # What autovacuum would have done by the time anybody sells anything.
    conn.execute("VACUUM ANALYZE")
    return baskets


def write(baskets: Iterable[Basket], path: Path) -> None:
    """Save the baskets for another process of this run."""
    rows = [{"user_id": str(one.user_id), "store_id": one.store_id, "body": one.body} for one in baskets]
    path.write_text(json.dumps(rows))


def read(path: Path) -> list[Basket]:
    rows = json.loads(path.read_text())
    return [Basket(UUID(row["user_id"]), row["store_id"], row["body"]) for row in rows]


def _ingest(
    conn: Connection, now: datetime, name: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Apply the rows of a file by the statements of an upload."""
    kind = KINDS[UploadKind(name)]
    table, statements = Table(kind, header), STATEMENTS[kind.target]
    with conn.transaction():
        statements.stage(conn, (table.read(line, list(row)) for line, row in enumerate(rows, 2)))
        statements.upsert(conn, kind, now, upload_id=UPLOAD, given=table.given, attributes=table.attributes)


def _baskets(conn: Connection, plan: Plan, now: datetime) -> list[Basket]:
    rng = random.Random(SEED)  # noqa: S311 - a sample, not a secret
    skus = [row[0] for row in conn.execute("SELECT sku FROM products WHERE active ORDER BY sku")]
    shops = [row[0] for row in conn.execute("SELECT id FROM stores ORDER BY id")]
    baskets = []
    for number, shop in enumerate(rng.choices(shops, k=plan.baskets)):
        user_id = users.insert(conn, name="Till", role=Role.STORE_USER, phone=f"+39070{number:07}", now=now)
        users.insert_store(conn, user_id=user_id, store_id=shop)
        lines = [{"sku": sku, "quantity": rng.choice((1, 1, 2))} for sku in rng.sample(skus, plan.lines)]
        body = {"store_id": shop, "currency": "EUR", "channel": "store", "lines": lines}
        baskets.append(Basket(user_id, shop, cast("dict[str, Any]", body)))
    return baskets
