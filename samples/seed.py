"""Load the full-size sample set into what `make run` runs, by uploads like any client: `make seed`.

    API_PORT=7071 MSG91_PORT=7072 python -m samples.seed --products 100000 --stores 5000

It signs in as the administrator of the small set. Safe to repeat: what is there already is left alone.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from samples.generate import generate
from samples.load import ADMIN_PHONE, SampleDataError, sign_in

_FILES = ("stores", "products_lens", "products_frame")
_WIDTH = 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m samples.seed", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--stores", type=int, default=5_000)
    given = parser.parse_args()
    api = _address("API_URL", "API_PORT", "7071")
    messages = _address("MSG91_BASE_URL", "MSG91_PORT", "7072")
    with (
        tempfile.TemporaryDirectory() as folder,
        httpx.Client(base_url=f"{api}/api/v1", timeout=60) as client,
    ):
        generate(Path(folder), products=given.products, store_count=given.stores, seed=7)
        token = sign_in(client, messages, ADMIN_PHONE)
        client.headers["Authorization"] = f"Bearer {token}"
        for kind in _FILES:
            _send(client, kind, Path(folder) / f"{kind}.csv")


def _address(url: str, port: str, usual: str) -> str:
    return os.environ.get(url) or f"http://127.0.0.1:{os.environ.get(port) or usual}"


def _send(client: httpx.Client, kind: str, path: Path) -> None:
    asked = client.post("uploads", json={"kind": kind, "filename": path.name}).raise_for_status().json()
    began = time.monotonic()
    with path.open("rb") as file:
        httpx.put(
            asked["put_url"],
            headers=asked["headers"] | {"Content-Length": str(path.stat().st_size)},
            content=file,
            timeout=600,
        ).raise_for_status()
    while True:
        upload = client.get(f"uploads/{asked['upload_id']}").raise_for_status().json()
        _show(kind, upload, time.monotonic() - began)
        if upload["status"] == "completed":
            print()
            return
        if upload["status"] in {"failed", "cancelled"}:
            raise SampleDataError(f"{path.name}: {upload['status']}: {upload['reason']}")
        time.sleep(0.2)


def _show(kind: str, upload: dict[str, Any], seconds: float) -> None:
    done, rows = upload["progress"] * _WIDTH // 100, upload["rows"]
    bar = "#" * done + "." * (_WIDTH - done)
    counts = ", ".join(f"{rows[name]:,} {name}" for name in ("read", "inserted", "updated", "unchanged"))
    print(f"\r  {kind:<15} [{bar}] {upload['progress']:>3} %  {counts}  {seconds:.1f} s ", end="", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (SampleDataError, httpx.HTTPError) as error:
        sys.exit(f"\nseed: {error}")
