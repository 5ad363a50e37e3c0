"""The sample data: the same for a seed, without duplicate keys, and what its documentation says."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from samples import frames, generate, lenses, stores
from samples.prices import shelf

type Maker = Callable[[int, int], Iterator[tuple[str, ...]]]

FOLDER = Path(generate.__file__).parent
GENERATED = ("products_lens.csv", "products_frame.csv", "stores.csv")


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def keys(rows: list[tuple[str, ...]]) -> list[str]:
    return [row[0] for row in rows]


def assert_ean_13(code: str) -> None:
    """The rule of GS1: from the right, digits weigh 1 and 3 in turn, and all add up to a multiple of ten."""
    assert len(code) == 13
    assert code.isdecimal()
    assert (sum(map(int, code[-1::-2])) + 3 * sum(map(int, code[-2::-2]))) % 10 == 0, code


def test_committed_files_are_what_the_documented_command_writes(tmp_path: Path) -> None:
    generate.main(["--products", "400", "--stores", "40", "--seed", "7", "--out", str(tmp_path)])
    for name in GENERATED:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_documented_command_is_the_default(tmp_path: Path) -> None:
    generate.main(["--out", str(tmp_path)])
    for name in GENERATED:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


@pytest.mark.parametrize("make", [lenses.lenses, frames.frames, stores.stores])
def test_rows_follow_the_seed(make: Maker) -> None:
    assert list(make(200, 1)) == list(make(200, 1))
    assert list(make(200, 1)) != list(make(200, 2))


@pytest.mark.parametrize("make", [lenses.lenses, frames.frames])
def test_a_bigger_product_set_begins_with_the_smaller_one(make: Maker) -> None:
    assert list(make(9_000, 7))[:300] == list(make(300, 7))


@pytest.mark.parametrize("make", [lenses.lenses, frames.frames, stores.stores])
@pytest.mark.parametrize("count", [3, 4, 5_000, 16_000])
def test_exactly_the_rows_asked_for_and_no_key_twice(make: Maker, count: int) -> None:
    found = keys(list(make(count, 11)))
    assert len(found) == len(set(found)) == count


def test_lens_names_do_not_repeat() -> None:
    names = Counter(row[1] for row in lenses.lenses(16_000, 7))
    assert names.most_common(1)[0][1] == 1


def test_frame_eans_have_their_check_digit() -> None:
    assert_ean_13("4006381333931")
    for code in keys(list(frames.frames(5_000, 3))):
        assert_ean_13(code)


def test_eans_beyond_one_run_of_item_numbers_stay_valid_and_new() -> None:
    ordinals = [1, 2, frames.ITEM_NUMBERS, frames.ITEM_NUMBERS + 1, frames.ITEM_NUMBERS + 2]
    codes = [frames.ean(ordinal) for ordinal in ordinals]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert_ean_13(code)


def test_every_parent_is_a_store_and_no_store_is_its_own_ancestor() -> None:
    parents = {row[0]: row[2] for row in stores.stores(5_000, 5)}
    for store in parents:
        above = [store]
        while parent := parents[above[-1]]:
            assert parent in parents
            assert parent not in above, above
            above.append(parent)
        assert len(above) <= 3


def test_hierarchy_has_groups_single_shops_and_parents_after_children() -> None:
    rows = read("stores.csv")
    places = {row["Store ID"]: place for place, row in enumerate(rows)}
    used = {row["Parent Store ID"] for row in rows} - {""}
    assert any(
        places[row["Parent Store ID"]] > places[row["Store ID"]] for row in rows if row["Parent Store ID"]
    )
    assert any(not row["Parent Store ID"] and row["Store ID"] not in used for row in rows)
    assert any(row["Parent Store ID"] and row["Store ID"] in used for row in rows)


def test_shops_have_one_or_both_company_numbers_and_share_none() -> None:
    rows = list(stores.stores(5_000, 5))
    for column in (3, 4):
        numbers = [row[column] for row in rows if row[column]]
        assert len(set(numbers)) == len(numbers) < len(rows)
    assert all(row[3] or row[4] for row in rows)


def test_store_zones_exist_and_belong_to_the_country() -> None:
    zones = {(row[8], row[12]) for row in stores.stores(5_000, 5)}
    for _, zone in zones:
        assert ZoneInfo(zone).key == zone
    assert {zone for country, zone in zones if country == "IT"} == {"Europe/Rome"}
    assert {zone for country, zone in zones if country == "PT"} == {"Europe/Lisbon", "Atlantic/Azores"}


def test_most_stores_are_italian_and_all_sell_in_euro() -> None:
    rows = list(stores.stores(5_000, 5))
    countries = Counter(row[8] for row in rows)
    assert countries["IT"] > 2_500
    assert len(countries) == 9
    assert {row[13] for row in rows} == {"EUR"}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_first_store_is_in_rome(count: int, seed: int) -> None:
    first, *others = stores.stores(count, seed)
    assert (first[0], first[6], first[12]) == ("S0001", "Roma", "Europe/Rome")
    assert bool(first[2]) is bool(others)


def test_documentation_lenses_are_fixed() -> None:
    demo = {row["New Code"]: row for row in read("products_lens.csv") if row["New Code"].startswith("DEMO-")}
    assert sorted(demo) == ["DEMO-LENS-A", "DEMO-LENS-B", "DEMO-LENS-C"]
    for row in demo.values():
        columns = ("Brand", "Price", "Currency", "Tax Rate %", "Active")
        assert tuple(row[column] for column in columns) == ("Lumen", "33.33", "EUR", "22", "true")


@pytest.mark.parametrize(("name", "count"), [(GENERATED[0], 300), (GENERATED[1], 100), (GENERATED[2], 40)])
def test_committed_sizes_and_quoting(name: str, count: int) -> None:
    rows = read(name)
    assert len(rows) == count
    text = "".join("".join(row.values()) for row in rows)
    assert "," in text
    assert '"' in text
    assert not text.isascii()


@pytest.mark.parametrize(
    ("cents", "price"),
    [
        (0, "4.90"),
        (4_712, "46.90"),
        (9_999, "98.90"),
        (18_260, "181.50"),
        (30_000, "299.00"),
        (35_555, "349.00"),
    ],
)
def test_prices_end_as_in_a_shop(cents: int, price: str) -> None:
    assert shelf(cents) == price


def test_price_follows_index_and_coating() -> None:
    prices = {row[0]: float(row[9]) for row in lenses.lenses(7_000, 7)}
    assert prices["LUPR2-01-150M65"] < prices["LUPR2-01-160M65"] < prices["LUPR2-01-167M65"]
    assert prices["LUPR2-01-160M65"] < prices["LUPR2-01-160S65"]
    assert prices["KTPR2-01-160M65"] < prices["LUPR2-01-160M65"] < prices["BRPR2-01-160M65"]


def test_file_with_errors_has_the_documented_mistakes_and_no_other() -> None:
    rows = read("products_lens_with_errors.csv")
    assert tuple(rows[0]) == lenses.HEADER
    assert len(rows) == 12
    by_line = dict(enumerate(rows, start=2))
    mistakes = {
        "no code": [line for line, row in by_line.items() if not row["New Code"]],
        "no number": [
            line for line, row in by_line.items() if not row["Price"].lstrip("-").replace(".", "").isdigit()
        ],
        "negative": [line for line, row in by_line.items() if row["Price"].startswith("-")],
        "currency": [line for line, row in by_line.items() if row["Currency"] != "EUR"],
    }
    assert mistakes == {"no code": [4], "no number": [6], "negative": [8], "currency": [12]}
    assert by_line[10]["New Code"] == by_line[2]["New Code"]
    assert len({row["New Code"] for row in rows}) == 11


@pytest.mark.parametrize("arguments", [["--products", "2"], ["--stores", "0"]])
def test_too_small_a_set_is_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        generate.main([*arguments, "--out", str(tmp_path)])
    assert "at least 3 products and 1 store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
