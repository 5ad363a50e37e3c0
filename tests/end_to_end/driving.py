"""Driving a running host as its clients do: over HTTP only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from samples.load import sign_in
from tests.harness import Msg91, RunningHost

ROOT = Path(__file__).parents[2]
ADMIN, SELLER, REVIEWER = "+390600000001", "+390600000002", "+390600000003"


def load_samples(host: RunningHost, msg91: Msg91, database_url: str) -> None:
    """What the first `make run` does."""
    subprocess.run(
        [sys.executable, "-m", "samples.load"],
        cwd=ROOT,
        env=os.environ | {"API_URL": host.url, "MSG91_BASE_URL": msg91.url, "DATABASE_URL": database_url},
        check=True,
        timeout=60,
    )


@contextmanager
def client(host: RunningHost, msg91: Msg91, phone: str | None = None) -> Iterator[httpx.Client]:
    """A client of the API, signed in where a phone is given."""
    with httpx.Client(base_url=f"{host.url}/api/v1", timeout=30) as api:
        if phone is not None:
            api.headers["Authorization"] = f"Bearer {sign_in(api, msg91.url, phone)}"
        yield api


def lumen_ten() -> dict[str, Any]:
    """10 % off the brand Lumen, which no other sample promotion touches line by line."""
    return {
        "name": "Lumen ten",
        "type": "seasonal",
        "starts_at": "2026-01-01",
        "ends_at": "2099-12-31",
        "rule": {
            "schema": 1,
            "then": [
                {
                    "kind": "percent_off",
                    "percent": "10",
                    "target": {"fact": "product.brand", "op": "eq", "value": "Lumen"},
                }
            ],
        },
    }


def basket(*skus: str, **changes: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": 1} for sku in skus or ("DEMO-LENS-A", "DEMO-LENS-B", "DEMO-LENS-C")]
    return {"store_id": "S0001", "currency": "EUR", "channel": "store", "lines": lines} | changes
