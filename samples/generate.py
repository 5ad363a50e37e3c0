"""Writes the sample files: `python -m samples.generate --products 400 --stores 40 --seed 7 --out samples`."""

import argparse
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from samples import frames, lenses, stores


def write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def generate(out: Path, *, products: int, store_count: int, seed: int) -> None:
    """Three files in `out`; of the products one in four is a frame."""
    frame_count = products // 4
    out.mkdir(parents=True, exist_ok=True)
    write(out / "products_lens.csv", lenses.HEADER, lenses.lenses(products - frame_count, seed))
    write(out / "products_frame.csv", frames.HEADER, frames.frames(frame_count, seed))
    write(out / "stores.csv", stores.HEADER, stores.stores(store_count, seed))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write invented eyewear products and stores as CSV.")
    parser.add_argument("--products", type=int, default=400, help="lenses and frames together (default 400)")
    parser.add_argument("--stores", type=int, default=40, help="default 40")
    parser.add_argument("--seed", type=int, default=7, help="default 7")
    parser.add_argument(
        "--out", type=Path, default=Path("samples"), help="folder to write to (default samples)"
    )
    given = parser.parse_args(arguments)
    if given.products < len(lenses.DEMO) or given.stores < 1:
        parser.error(f"at least {len(lenses.DEMO)} products and 1 store")
    generate(given.out, products=given.products, store_count=given.stores, seed=given.seed)
    print(f"Wrote {given.products} products and {given.stores} stores to {given.out}/")


if __name__ == "__main__":
    main()
