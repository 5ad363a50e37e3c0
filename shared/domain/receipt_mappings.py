"""Receipt mappings: how one retailer's till names and writes what a file of receipts tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shared.domain import cells, till_cells
from shared.domain.cells import CellRefused, Reader
from shared.domain.csv_rows import MOST_HEADER, normal
from shared.domain.documents import at_key
from shared.domain.errors import Refused
from shared.domain.kinds.kind import Column, Kind, Together
from shared.domain.kinds.receipts import AMOUNTS, KIND, NUMBER_MOST
from shared.domain.till_cells import FormatInvalid

STORE_BY = ("id", "company_a_id", "company_b_id")
_COLUMNS = {column.name: column for column in KIND.columns}
_CONSTANTS = ("store_id", "currency")
_MANDATORY = ("store_id", "sku", "quantity", "currency")
_TIME = "sold_at"
_APART = ("sold_on", "sold_time")


class MappingInvalid(Refused):
    """The mapping is not valid: {detail}."""

    code = "receipt_mapping_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMapping:
    """`columns` are the till's headers of ours, `constants` what the file leaves unsaid.

    `store_by` says what the till calls a store by: our id, that of a mother company, or `attribute:…`. With
    `skip_other_goods` lines of goods that are not in the catalogue are passed over, and rejected otherwise.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    time_format: str = till_cells.ISO
    date_format: str = "YYYY-MM-DD"
    hour_format: str = "HH:mm:ss"
    decimal_mark: str = "."
    store_by: str = "id"
    skip_other_goods: bool = False


def check(mapping: ReceiptMapping) -> None:
    """Raises MappingInvalid with a pointer to the place."""
    _check_columns(mapping)
    _check_constants(mapping)
    _check_complete(mapping)
    if mapping.decimal_mark not in {".", ","}:
        raise MappingInvalid(pointer="/decimal_mark", detail="a decimal mark is a point or a comma")
    known = mapping.store_by in STORE_BY
    if not known and not mapping.store_by.removeprefix("attribute:").strip():
        raise MappingInvalid(pointer="/store_by", detail="attribute: needs the attribute's name")
    if not known and not mapping.store_by.startswith("attribute:"):
        raise MappingInvalid(
            pointer="/store_by", detail=f"it is one of {', '.join(STORE_BY)} or attribute: and a name"
        )
    _format("/time_format", till_cells.local_time, mapping.time_format)
    _format("/date_format", till_cells.local_date, mapping.date_format)
    _format("/hour_format", till_cells.time_of_day, mapping.hour_format)


def kind_of(mapping: ReceiptMapping | None, retailer_id: str | None) -> Kind:
    """The kind of a retailer's files; without a mapping they have the usual headers."""
    constants = {} if retailer_id is None else {"retailer_id": retailer_id}
    if mapping is None:
        return replace(KIND, constants=constants)
    currency = mapping.constants.get("currency")
    readers = _readers(mapping, currency)
    columns = tuple(_mapped(column, mapping, readers) for column in KIND.columns)
    together = tuple(
        Together(column=name, other="currency", read=till_cells.exact_in_minor) for name in AMOUNTS
    )
    return replace(
        KIND,
        columns=columns,
        constants={
            **constants,
            **mapping.constants,
            "store_by": mapping.store_by,
            "skip_other_goods": str(mapping.skip_other_goods),
        },
        together=together if currency is None else (),
        ignores_others=True,
    )


def _readers(mapping: ReceiptMapping, currency: str | None) -> Mapping[str, Reader]:
    money = till_cells.amount(mapping.decimal_mark, currency)
    return {
        "store_id": cells.text(NUMBER_MOST),
        "sold_at": till_cells.local_time(mapping.time_format),
        "sold_on": till_cells.local_date(mapping.date_format),
        "sold_time": till_cells.time_of_day(mapping.hour_format),
        "quantity": till_cells.quantity(mapping.decimal_mark),
        **dict.fromkeys(AMOUNTS, money),
    }


def _mapped(column: Column, mapping: ReceiptMapping, readers: Mapping[str, Reader]) -> Column:
    header = mapping.columns.get(column.name)
    return replace(
        column,
        headers=() if header is None else (header,),
        read=readers.get(column.name, column.read),
        mandatory=header is not None and column.name in {*_MANDATORY, _TIME, *_APART},
    )


def _check_columns(mapping: ReceiptMapping) -> None:
    seen: dict[str, str] = {}
    for name, header in mapping.columns.items():
        at = at_key("/columns", name)
        if name not in _COLUMNS:
            raise MappingInvalid(pointer=at, detail=f"the columns are {', '.join(_COLUMNS)}")
        if not 1 <= len(header.strip()) <= MOST_HEADER:
            raise MappingInvalid(pointer=at, detail=f"a header has 1 to {MOST_HEADER} characters")
        if normal(header) in seen:
            raise MappingInvalid(pointer=at, detail=f"{seen[normal(header)]} has this header too")
        seen[normal(header)] = name


def _check_constants(mapping: ReceiptMapping) -> None:
    for name, value in mapping.constants.items():
        at = at_key("/constants", name)
        if name not in _CONSTANTS:
            raise MappingInvalid(pointer=at, detail=f"a constant is one of {', '.join(_CONSTANTS)}")
        if name in mapping.columns:
            raise MappingInvalid(pointer=at, detail="the file has a column for it")
        try:
            _COLUMNS[name].read(value)
        except CellRefused as refused:
            raise MappingInvalid(pointer=at, detail=f"{value!r} is {refused.code}") from refused


def _check_complete(mapping: ReceiptMapping) -> None:
    known = {*mapping.columns, *mapping.constants}
    lacking = [name for name in _MANDATORY if name not in known]
    if lacking:
        raise MappingInvalid(pointer="/columns", detail=f"nothing says what the {lacking[0]} is")
    apart = [name for name in _APART if name in known]
    if (_TIME in known) == bool(apart) or len(apart) == 1:
        raise MappingInvalid(
            pointer="/columns", detail="the time is either sold_at, or sold_on and sold_time together"
        )
    if not known & {"amount", "unit_price"}:
        raise MappingInvalid(pointer="/columns", detail="either amount or unit_price is needed")


def _format(at: str, reader: Callable[[str], Reader], form: str) -> None:
    try:
        reader(form)
    except FormatInvalid as invalid:
        raise MappingInvalid(pointer=at, detail=str(invalid)) from invalid
