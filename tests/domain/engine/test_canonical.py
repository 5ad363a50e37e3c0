"""The canonical form of a JSON document."""

from decimal import Decimal

import pytest

from shared.domain.engine import canonical_json


def test_the_canonical_form_has_no_room_for_accidents() -> None:
    document = {"b": [1, Decimal("1.50"), None, True], "a": {"ü": "x\n"}}
    assert canonical_json(document) == '{"a":{"ü":"x\\n"},"b":[1,1.5,null,true]}'
    assert canonical_json({"a": 1, "b": Decimal(100)}) == canonical_json({"b": Decimal("1E+2"), "a": 1})
    assert canonical_json({"a": 1}) != canonical_json({"a": "1"})
    assert canonical_json(Decimal("-0.00")) == canonical_json(0)


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("1E+400"), {1, 2}])
def test_what_has_no_canonical_form_is_a_mistake(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json([value])
