"""Previews of groups: `python -m bench.groups` measures filters on a full catalogue, also with an index.

A preview counts whom a filter selects and shows some of them. The index is the usual one on attributes, a GIN
of jsonb_path_ops; it answers containment only, so the last filters are asked as such, too. What the index
costs is measured on the ingest that has to keep it up.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from psycopg.types.json import Jsonb

from bench.document import put
from bench.figures import latencies, spread
from bench.ingest import Bench, csv_of
from bench.machine import load_average, machine, measured
from bench.report import spread_text, table
from bench.site import Site, site
from devhost.environment import ROOT
from samples import stores
from shared import pool
from shared.actions import groups
from shared.domain.uploads import UploadKind

RESULTS = ROOT / "bench" / "results" / "groups.json"
INDEX = "CREATE INDEX bench_attributes ON products USING gin (attributes jsonb_path_ops)"
CALLS = 20


def _is(fact: str, op: str, value: Any) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value}


PRODUCTS: Mapping[str, dict[str, Any]] = {
    "brand = Lumen": _is("product.brand", "eq", "Lumen"),
    "10 skus": _is("product.sku", "in", [f"DEMO-LENS-{letter}" for letter in "ABCDEFGHIJ"]),
    "price 200 to 400, name contains Panorama": {
        "all": [_is("product.price", "between", [200, 400]), _is("product.name", "contains", "Panorama")]
    },
    "attribute Index = 1.74": _is("product.attributes.Index", "eq", "1.74"),
    "attribute Index > 1.6, Coating one of 2, not Sun": {
        "all": [
            _is("product.attributes.Index", "gt", 1.6),
            _is("product.attributes.Coating", "in", ["Hard", "Night drive"]),
            {"not": _is("product.type", "starts_with", "Sun")},
        ]
    },
    "any of 12 attributes": {
        "any": [_is("product.attributes.Coating", "contains", word) for word in "abcdefghijkl"]
    },
}
STORES: Mapping[str, dict[str, Any]] = {
    "country = IT": _is("store.country", "eq", "IT"),
    "attribute Cluster = Mall, city contains o": {
        "all": [_is("store.attributes.Cluster", "eq", "Mall"), _is("store.city", "contains", "o")]
    },
}
# The question of a filter above in the only form that the index answers.
CONTAINED: Mapping[str, dict[str, str]] = {
    "Index = 1.74": {"Index": "1.74"},
    "Index = 1.74, Coating = Night drive": {"Index": "1.74", "Coating": "Night drive"},
}


def measure(here: Site, products: int, shops: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    say(f"{products:,} products, {shops:,} stores")
    bench = Bench(here, products)
    bench.ingest(csv_of(stores.HEADER, stores.stores(shops, 7)), UploadKind.STORES)
    took: dict[str, list[float]] = {}
    seconds: dict[str, dict[str, list[float]]] = {}
    selected: dict[str, int] = {}
    for number in range(rounds):
        for index in ("without", "with"):
            say(f"{index} the index, round {number + 1} of {rounds}")
            bench.conn.execute("DROP INDEX IF EXISTS bench_attributes")
            bench.empty()
            if index == "with":
                bench.conn.execute(INDEX)
            took.setdefault(f"first load, {index} the index", []).append(bench.ingest(bench.files["same"]))
            took.setdefault(f"everything changed, {index} the index", []).append(
                bench.ingest(bench.files["dearer"])
            )
            bench.conn.execute("VACUUM ANALYZE products, stores")
            for what, ask in _questions(bench).items():
                selected[what] = ask()
                seconds.setdefault(what, {}).setdefault(index, []).extend(_timed(ask))
    bench.conn.close()
    pool.close()
    return {
        "products": products,
        "stores": shops,
        "calls": CALLS * rounds,
        "previews": {
            what: {"selected": selected[what], **{index: latencies(each[index]) for index in each}}
            for what, each in seconds.items()
        },
        "ingest_s": {what: spread(each) for what, each in took.items()},
    }


def _questions(bench: Bench) -> dict[str, Callable[[], int]]:
    return {
        **{f"products: {what}": partial(_products, document) for what, document in PRODUCTS.items()},
        **{f"stores: {what}": partial(_stores, document) for what, document in STORES.items()},
        **{
            f"attributes contain {what}": partial(_contained, bench, each) for what, each in CONTAINED.items()
        },
    }


def _products(document: Mapping[str, Any]) -> int:
    with pool.connection() as conn:
        return groups.preview_products(conn, document).count


def _stores(document: Mapping[str, Any]) -> int:
    with pool.connection() as conn:
        return groups.preview_stores(conn, document).count


def _contained(bench: Bench, attributes: Mapping[str, str]) -> int:
    query = "SELECT count(*) FROM products WHERE active AND attributes @> %s"
    return bench.conn.execute(query, [Jsonb(attributes)]).fetchall()[0][0]


def _timed(ask: Callable[[], int]) -> list[float]:
    seconds: list[float] = []
    for _ in range(CALLS):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return seconds


def tables(result: Mapping[str, Any]) -> str:
    previews = (
        (
            what,
            f"{each['selected']:,}",
            *(f"{each[index][p]:.1f}" for index in ("without", "with") for p in ("p50_ms", "p95_ms")),
        )
        for what, each in result["previews"].items()
    )
    costs = ((what, spread_text(each, "{:.2f}")) for what, each in result["ingest_s"].items())
    return "\n\n".join(
        (
            f"{result['products']:,} products, {result['stores']:,} stores, {result['calls']} previews each.",
            table(("", "selected", "p50 ms", "p95 ms", "p50 ms, index", "p95 ms, index"), previews),
            table(("ingest of all products", "seconds"), costs),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.groups", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--stores", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    given = parser.parse_args()
    before = load_average()
    with site() as here:
        result = measure(
            here, given.products, given.stores, given.rounds, lambda text: print(f"  {text}", file=sys.stderr)
        )
    result |= {"machine": machine(), "load_average": {"before": before, "after": load_average()}}
    where, load = result["machine"], result["load_average"]
    text = f"{measured(where, **load)} {tables(result)}"
    print(text)
    if given.write:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        put("groups", text)


if __name__ == "__main__":
    main()
