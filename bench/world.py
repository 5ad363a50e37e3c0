"""The world that is measured: catalogue, stores, promotions and users, and the baskets that come in."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import psycopg

from bench.offers import offers
from bench.plan import Plan
from bench.site import Site
from samples.generate import generate
from samples.load import upload
from shared.actions import promotions
from shared.domain.audit import By
from shared.domain.users import Caller, Role
from shared.edge import tokens
from shared.store import users

SEED = 7

type Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Basket:
    """What one till sends, and who is at it."""

    user_id: UUID
    store_id: str
    body: dict[str, Any]

    @property
    def caller(self) -> Caller:
        return Caller(self.user_id, Role.STORE_USER, self.store_id, uuid4())


def load(site: Site, plan: Plan, now: datetime, **terms: Any) -> list[Basket]:
    """Fill an empty, migrated database; each promotion has these terms besides its own.

    Everything but `now` is the same in every run of a plan.
    """
    with psycopg.connect(site.url, autocommit=True) as conn:
        admin = users.insert(conn, name="Benchmark", role=Role.ADMIN, phone="+390600000001", now=now)
        _upload(site, plan, tokens.issue(Caller(admin, Role.ADMIN, None, uuid4()), now))
        for offer in offers(now):
            with conn.transaction():
                draft = promotions.create(conn, now, terms=replace(offer, **terms), by=By(admin))
                promotions.publish(conn, now, draft.id, by=By(admin), approval_required=False)
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


def _upload(site: Site, plan: Plan, token: str) -> None:
    """Master data by the way of any user: files, through the API and storage."""
    folder = site.folder / "samples"
    generate(folder, products=plan.products, store_count=plan.stores, seed=SEED)
    with (
        site.host("loading", events=True) as (_, (host, port)),
        httpx.Client(
            base_url=f"http://{host}:{port}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        ) as client,
    ):
        for kind in ("stores", "products_lens", "products_frame"):
            upload(client, kind, folder / f"{kind}.csv")


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
