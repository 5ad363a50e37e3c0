"""Filters as SQL select what the engine's predicate selects, whatever the rows and whatever the filter."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from shared.domain.baskets import RequestedLine, SaleRequest, basket_of
from shared.domain.engine import Basket, compile_rule_set
from shared.domain.engine.program import product_facts
from shared.domain.filters import OPERATORS, Filter, Kind, Shape, matches, parse_filter
from shared.domain.groups import Subject
from shared.domain.live import live_rules
from shared.store import filters, sale_facts
from tests.rows import NOW, UPLOAD, Conn, a_store

ROWS = 60
FILTERS = 100
# What a filter looks for is also what rows have, so that most filters tell rows apart.
TEXTS = (
    "Aurora", "aurora", "AURORA", "Aur", "Zénith", "Ze\u0301nith", "zénith", "Ñandú", "straße", "STRASSE",
    "İzmir", "👓", "👓 sun", "🏽", "\uffee", "\U00010000", "نظارة", "眼镜", "a b", " a", "a ", "a%b", "a_b",
    "a\\b", "'; --", '"', "{}", "null", "true", "false", "NaN", "Infinity", "1e3", "12,5", "9 mm", "0x10",
    "\u0669", "9\n", "\t", "0", "-0", "9", "09", "9.0", "+9", "-9", "10", "12", "12.5", "12.50", "100", "0.1",
    "-0.50", ".5", "5.", "1.60", "1.6", "999999999999999999", "1234567890123456789", "0.123456789012",
    "0.1234567890123",
)  # fmt: skip
NUMBERS = tuple(
    Decimal(text)
    for text in ("0", "-0.5", "0.1", "9", "10", "12", "12.5", "33.33", "99.99", "1.6", "999999999999999999")
)  # fmt: skip
ATTRIBUTES = ("size", "Größe", "a.b", "a b", "💡", "'", "%s", "absent")
FACTS: Mapping[Subject, Mapping[str, Kind | None]] = {
    Subject.PRODUCT: {
        **dict.fromkeys(("sku", "kind", "name", "brand", "collection", "type"), Kind.TEXT),
        "price": Kind.NUMBER,
        **{f"attributes.{name}": None for name in ATTRIBUTES},
    },
    Subject.STORE: {
        **dict.fromkeys(("id", "name", "city", "region", "country", "postal_code"), Kind.TEXT),
        **{f"attributes.{name}": None for name in ATTRIBUTES},
    },
}


def text(rng: random.Random) -> str | None:
    """Absent one time in four."""
    return None if rng.random() < 0.25 else rng.choice((*TEXTS, ""))


def attributes(rng: random.Random) -> str:
    """Some absent, some null, the rest as files bring them."""
    kept = (name for name in ATTRIBUTES[:-1] if rng.random() < 0.8)
    return json.dumps({name: text(rng) for name in kept}, ensure_ascii=False)


def a_basket(conn: Conn, store_id: str, *skus: str) -> Basket:
    """One of each product, as the engine is given it."""
    request = SaleRequest(
        store_id=store_id,
        currency="EUR",
        channel="store",
        lines=tuple(RequestedLine(sku=sku, quantity=1, unit_price=None) for sku in skus),
        receipt_number=None,
        expected_net=None,
    )
    seen = sale_facts.get(
        conn,
        NOW,
        request=request,
        live=live_rules(compile_rule_set(0, ()), ()),
        new_customer_id=UPLOAD,
        slots=(1, 2),
        whole_counters=False,
        user_id=UPLOAD,
        key=None,
    )
    return basket_of(request, seen)


def put_products(conn: Conn, rng: random.Random) -> dict[str, Mapping[str, object]]:
    """Random products, and their facts as the engine is given them by sku."""
    for place in range(ROWS):
        conn.execute(
            """
            INSERT INTO products (sku, kind, name, brand, collection, type, price, currency, tax_rate_pct,
                                  active, attributes, upload_id, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 'EUR', 22, true, %s, %s, %s, %s)
            """,
            [
                f"{rng.choice(TEXTS)}-{place}", rng.choice(["lens", "frame"]), rng.choice(TEXTS), text(rng),
                text(rng), text(rng), rng.choice(["0", "9", "9.00", "12.5", "33.33", "99.99", "100"]),
                attributes(rng), UPLOAD, NOW, NOW,
            ],
        )  # fmt: skip
    skus = [sku for (sku,) in conn.execute("SELECT sku FROM products")]
    store_id = a_store(conn, f"for {len(skus)}")
    return {
        one.sku: product_facts(one.facts, one.sku, one.unit_price, "EUR")
        for one in a_basket(conn, store_id, *skus).lines
    }


def put_stores(conn: Conn, rng: random.Random) -> dict[str, Mapping[str, object]]:
    """Random stores, and their facts as the engine is given them by id."""
    for place in range(ROWS):
        conn.execute(
            """
            INSERT INTO stores (id, name, city, region, country, postal_code, zone, active, attributes,
                                upload_id, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, 'Europe/Rome', true, %s, %s, %s, %s)
            """,
            [
                f"{rng.choice(TEXTS)}-{place}", rng.choice(TEXTS), text(rng), text(rng),
                rng.choice(["IT", "FR", "DE"]), text(rng), attributes(rng), UPLOAD, NOW, NOW,
            ],
        )  # fmt: skip
    facts: dict[str, Mapping[str, object]] = {}
    for (store_id,) in conn.execute("SELECT id FROM stores").fetchall():
        store = a_basket(conn, store_id).store
        facts[store_id] = {**store.facts, "store.id": store.id}
    return facts


PUT = {Subject.PRODUCT: put_products, Subject.STORE: put_stores}


# A text that no row has seldom tells rows apart: one in four is enough.
ANY_TEXT = st.integers(1, 4).flatmap(
    lambda draw: (
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=5)
        if draw == 4
        else st.sampled_from(TEXTS)
    )
)
ANY_VALUE: Mapping[Kind, SearchStrategy[Any]] = {
    Kind.TEXT: ANY_TEXT,
    Kind.NUMBER: st.sampled_from(NUMBERS) | st.decimals(-200, 200, places=2),
    Kind.BOOLEAN: st.booleans(),
}


def value(shape: Shape, kinds: frozenset[Kind]) -> SearchStrategy[Any]:
    one = st.one_of(ANY_VALUE[kind] for kind in sorted(kinds))
    match shape:
        case Shape.ONE:
            return one
        case Shape.FLAG:
            return st.booleans()
        case Shape.MANY:
            return st.lists(one, min_size=1, max_size=6)
        case Shape.RANGE:
            return st.one_of(
                st.tuples(ANY_VALUE[kind], ANY_VALUE[kind]).map(sorted) for kind in sorted(kinds)
            )


def documents(subject: Subject) -> SearchStrategy[dict[str, Any]]:
    """Filters of up to a dozen comparisons, of every operator on every fact that it compares."""
    leaves = st.one_of(
        st.fixed_dictionaries(
            {
                "fact": st.just(f"{subject}.{name}"),
                "op": st.just(op.value),
                "value": value(shape, kinds & {fixed} if fixed else kinds),
            }
        )
        for name, fixed in FACTS[subject].items()
        for op, (shape, kinds) in OPERATORS.items()
        if fixed is None or fixed in kinds
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=4)})
            | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=4)})
            | st.fixed_dictionaries({"not": inner})
        ),
        max_leaves=12,
    )


def selected(conn: Conn, subject: Subject, tree: Filter) -> set[str]:
    chosen = filters.choose(conn, subject, tree, sample=10 * ROWS)
    assert chosen.count == len(chosen.keys)
    return set(chosen.keys)


def agree(conn: Conn, subject: Subject, facts: Mapping[str, Mapping[str, object]]) -> Counter[bool]:
    """Hold random filters against these rows; returns how many told the rows apart and how many did not."""
    telling: Counter[bool] = Counter()

    @settings(max_examples=FILTERS, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(document=documents(subject))
    def same(document: dict[str, Any]) -> None:
        tree = parse_filter(document, namespaces={subject})
        wanted = {key for key, seen in facts.items() if matches(tree, seen)}
        assert selected(conn, subject, tree) == wanted
        telling[0 < len(wanted) < len(facts)] += 1

    same()
    return telling


def agree_on_many(conn: Conn, subject: Subject, *, blocks: int) -> None:
    """New random rows for each block of filters; enough of the filters tell rows apart."""
    telling: Counter[bool] = Counter()
    for block in range(blocks):
        conn.execute("TRUNCATE products, stores CASCADE")
        telling += agree(conn, subject, PUT[subject](conn, random.Random(f"{subject} {block}")))  # noqa: S311
    assert telling.total() >= blocks * FILTERS
    assert telling[True] >= 0.3 * telling.total(), telling


@pytest.mark.slow
@pytest.mark.parametrize("subject", Subject)
def test_sql_and_python_agree_on_many(conn: Conn, subject: Subject) -> None:
    agree_on_many(conn, subject, blocks=4)


@pytest.mark.soak
@pytest.mark.parametrize("subject", Subject)
def test_sql_and_python_agree_a_hundred_thousand_times(conn: Conn, subject: Subject) -> None:
    agree_on_many(conn, subject, blocks=334)
