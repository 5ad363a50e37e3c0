"""Phone numbers: however they are written, and which of them get codes."""

import pytest

from shared.edge import phones


@pytest.mark.parametrize(
    "written",
    ["+393471234567", "+39 347 123 4567", "0039 347-123.45.67", "+39 (347) 1234567", " +39 347 123 4567 "],
)
def test_a_number_is_kept_in_one_form(written: str) -> None:
    assert phones.normalise(written) == "+393471234567"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "+39",
        "3471234567",
        "+39347",
        "+3934712345678901",
        "+9991234567",
        "+12345678",
        "+39 347 1234567 ext. 5",
        "+447700900123",
        "call me",
    ],
)
def test_what_no_numbering_plan_has_is_refused(written: str) -> None:
    with pytest.raises(phones.PhoneInvalid) as refusal:
        phones.normalise(written)
    assert not written.strip("+") or written not in str(refusal.value)


@pytest.mark.parametrize("phone", ["+393471234567", "+390612345678", "+12025551234", "+919812345678"])
def test_mobile_and_fixed_lines_get_codes(phone: str) -> None:
    phones.check_reachable(phone, {"IT", "US", "IN"})


@pytest.mark.parametrize(
    "phone",
    ["+39899123456", "+39800123456", "+447012345678", "+448431234567", "+19002345678", "+18002345678"],
    ids=["premium IT", "freephone IT", "personal GB", "shared cost GB", "premium US", "freephone US"],
)
def test_numbers_that_cost_or_reach_nobody_get_none(phone: str) -> None:
    assert phones.normalise(phone) == phone
    with pytest.raises((phones.PhoneUnreachable, phones.CountryNotServed)):
        phones.check_reachable(phone, {"IT", "GB", "US"})


@pytest.mark.parametrize("phone", ["+393471234567", "+12025551234", "+18765551234"])
def test_countries_that_are_not_listed_get_none(phone: str) -> None:
    """Jamaica shares the calling code of the United States, not their place on the list."""
    with pytest.raises(phones.CountryNotServed):
        phones.check_reachable(phone, {"IN"})
    if phone.startswith("+1876"):
        with pytest.raises(phones.CountryNotServed):
            phones.check_reachable(phone, {"US"})
