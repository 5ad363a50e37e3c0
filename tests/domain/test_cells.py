"""Cells: what each reader takes, and the code with which it refuses the rest."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cells
from shared.domain.cells import CellRefused, Reader


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (cells.code(10), "A-1/B", "A-1/B"),
        (cells.code(10), "08 05", "08 05"),
        (cells.code(20), "8056597177054", "8056597177054"),
        (cells.text(3), "àé😀", "àé😀"),
        (cells.price, "0", "0"),
        (cells.price, "1234.5", "1234.5"),
        *((cells.code(20), code, code) for code in ("5E12", "12-MAR", "SET-01", "2024-13", "#1", "1.2")),
        (cells.tax_rate_pct, "5,5", "5.5"),
        *(
            (cells.phone, value, "+390612345678")
            for value in ("+390612345678", "+39 06 1234 5678", "0039 06.1234-5678", "+39\u00a0(06)/12345678")
        ),
        (cells.phone, "+44 (0)7700 900123", "+4407700900123"),
        (cells.email, "Anna@Example.COM", "anna@example.com"),
        (cells.one_of(("a", "b")), "b", "b"),
        (cells.codes(3, 4), "S2, S1;S3 S1", "S2 S1 S3"),
        (cells.currency, "EUR", "EUR"),
        (cells.tax_rate_pct, "22", "22"),
        (cells.tax_rate_pct, "100.00", "100.00"),
        (cells.boolean, "TRUE", "true"),
        (cells.boolean, "no", "false"),
        (cells.country, "IT", "IT"),
        (cells.zone, "Europe/Rome", "Europe/Rome"),
        (cells.zone, "UTC", "UTC"),
        (cells.latitude, "-90", "-90"),
        (cells.longitude, "12.49637", "12.49637"),
    ],
)
def test_taken(read: Reader, value: str, expected: str) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value", "code"),
    [
        (cells.code(3), "ABCD", "text_too_long"),
        (cells.code(9), "A  B", "code_malformed"),
        (cells.code(9), "A\nB", "code_malformed"),
        (cells.code(9), "A\x07B", "code_malformed"),
        (cells.code(9), "A\u00a0B", "code_malformed"),
        *((cells.code(20), value, "spreadsheet_number") for value in ("8.05E+12", "8,05e+12", "8E+12")),
        *(
            (cells.code(20), value, "spreadsheet_date")
            for value in ("2-May", "May-24", "12-Jan-2024", "01/02/2024", "1.2.24", "2024-01-02")
        ),
        *((cells.code(20), value, "spreadsheet_fault") for value in ("#N/A", "#REF!", "#NAME?", "####")),
        (cells.text(2), "abc", "text_too_long"),
        *((cells.price, value, "price_malformed") for value in ("-1", "+1", "1e3", "NaN")),
        *((cells.price, value, "price_malformed") for value in ("", ".5", "5.", "٣", "9" * 13, "€ 5")),
        *(
            (cells.price, value, "thousands_separated")
            for value in ("1.234,50", "1,234.50", "1 234.50", "1'234", "1.234.567", "1\u00a0234,5")
        ),
        *(
            (cells.phone, value, "phone_malformed")
            for value in ("0612345678", "+39 06", "+0039061234567", "+390612345678 ext 9", "+39+0612345678")
        ),
        (cells.phone, "3.90612E+11", "spreadsheet_number"),
        *((cells.email, value, "email_malformed") for value in ("a@b", "a b@c.it", "@c.it", "a@b@c.it", "x")),
        (cells.one_of(("a", "b")), "A", "not_one_of"),
        (cells.codes(3, 2), "A B C", "too_many_codes"),
        (cells.codes(3, 2), "A 2-May", "text_too_long"),
        *((cells.currency, value, "currency_unknown") for value in ("eur", "ZZZ", "EURO")),
        *((cells.tax_rate_pct, value, "tax_rate_malformed") for value in ("100.01", "101", "22%", "5.125")),
        (cells.boolean, "maybe", "boolean_malformed"),
        *((cells.country, value, "country_unknown") for value in ("it", "UK", "ITA", "XX")),
        *((cells.zone, value, "zone_unknown") for value in ("Rome", "Europe", "../etc/passwd", "localtime")),
        *((cells.latitude, value, "latitude_malformed") for value in ("90.1", "41,9", "N41", "٤")),
        *((cells.longitude, value, "longitude_malformed") for value in ("-180.5", "1e2", "inf")),
    ],
)
def test_refused(read: Reader, value: str, code: str) -> None:
    with pytest.raises(CellRefused) as caught:
        read(value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [
        ("33.33", "EUR", "33.33"),
        ("33,3", "EUR", "33.30"),
        ("33,3300", "EUR", "33.33"),
        ("1.500", "KWD", "1.500"),
        ("1234.500", "EUR", "1234.50"),
        ("33", "EUR", "33.00"),
        ("33.3", "EUR", "33.30"),
        ("33.3300", "EUR", "33.33"),
        ("1200", "JPY", "1200"),
        ("1200.0", "JPY", "1200"),
        ("1.5", "KWD", "1.500"),
    ],
)
def test_a_price_has_the_decimals_of_its_currency(price: str, currency: str, expected: str) -> None:
    assert cells.price_in_currency(price, currency) == expected


@pytest.mark.parametrize(("price", "currency"), [("1234.005", "EUR"), ("1200.5", "JPY"), ("1.0050", "EUR")])
def test_a_price_with_more_is_refused(price: str, currency: str) -> None:
    with pytest.raises(CellRefused, match="price_too_exact"):
        cells.price_in_currency(price, currency)


@pytest.mark.parametrize(
    ("price", "currency"), [("1.000", "EUR"), ("1,000", "EUR"), ("1,000", "JPY"), ("1,500", "KWD")]
)
def test_a_price_that_may_mean_thousands_is_refused(price: str, currency: str) -> None:
    with pytest.raises(CellRefused, match="thousands_separated"):
        cells.price_in_currency(price, currency)


@pytest.mark.parametrize("reader", [cells.code(9), cells.text(9)])
@given(value=st.text(alphabet="A Zaz09-_.,/+#E\t\u00a0é", max_size=12))
def test_what_is_plain_is_read_as_it_is(reader: Reader, value: str) -> None:
    assert reader.plain is not None
    if re.fullmatch(reader.plain, value):
        assert reader(value) == value == value.strip()
