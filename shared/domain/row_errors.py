"""Row errors: what is wrong in a row of a file, and how it is told to whoever must mend it."""

from collections.abc import Mapping
from dataclasses import dataclass

SHOWN = 200
"""Characters of a cell that are repeated in an error."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A fault found: `place` is a column's name or an attribute's header, `other` what its words need.

    `whole` names what the row is a part of, for kinds of which that is taken or rejected as one.
    """

    line: int
    place: str
    code: str
    value: str
    other: str
    whole: str = ""


@dataclass(frozen=True, slots=True)
class RowError:
    """A fault as it is told; `line` is where the row begins in the file, `column` the header in the file."""

    line: int
    column: str
    code: str
    value: str
    detail: str
    fix: str


# (what is wrong, what to do); {other} is the rejection's.
WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("This column must have a value.", "Fill the cell in."),
    "too_few_cells": ("The row has {other} cells fewer than the header.", "Complete the row."),
    "text_too_long": ("The text is longer than {other} characters.", "Shorten it."),
    "code_malformed": (
        "A code has no spaces inside and no control characters.",
        "Write the code as it is on the product or contract.",
    ),
    "spreadsheet_number": (
        "A spreadsheet turned this into a number and lost digits of it.",
        "Format the column as text, enter the value again and export once more.",
    ),
    "spreadsheet_date": (
        "This looks like a code that a spreadsheet turned into a date.",
        "Format the column as text, enter the code again and export once more.",
    ),
    "spreadsheet_fault": (
        "This is the message of a formula that failed.",
        "Mend the formula, or enter the code itself, and export once more.",
    ),
    "thousands_separated": (
        "This could have a thousands separator: three digits behind a separator mean thousands to some.",
        "Write it without one and with the decimals of its currency, like 1234.50.",
    ),
    "price_malformed": (
        "A price is digits with a decimal point or comma: no sign, thousands separator or currency.",
        "Write it like 1234.50.",
    ),
    "price_too_exact": ("This currency has {other} decimals.", "Round the price to them."),
    "currency_unknown": ("This is not a currency of ISO 4217.", "Write its three letters, like EUR."),
    "tax_rate_malformed": (
        "A tax rate is a percentage from 0 to 100 with at most two decimals.",
        "Write it like 22 or 5.5.",
    ),
    "boolean_malformed": ("This is neither yes nor no.", "Write true or false."),
    "country_unknown": ("This is not a country of ISO 3166.", "Write its two letters, like IT."),
    "zone_unknown": ("This is not a time zone of the IANA list.", "Write it like Europe/Rome."),
    "latitude_malformed": ("A latitude is a number of degrees from -90 to 90.", "Write it like 41.90278."),
    "longitude_malformed": (
        "A longitude is a number of degrees from -180 to 180.",
        "Write it like 12.49637.",
    ),
    "conflicting_columns": (
        "The column {other} means the same and has another value.",
        "Keep the right one of the two values.",
    ),
    "duplicate": ("Line {other} has the same key.", "Keep one of the two rows."),
    "kind_conflict": (
        "This code belongs to a product of kind {other}.",
        "Use another code, or upload the row with the products of its kind.",
    ),
    "own_parent": ("A store cannot be its own parent.", "Name another store or leave the cell empty."),
    "parent_unknown": (
        "There is no such store, neither before nor in the good rows of this file.",
        "Correct the id, or add or mend the parent's row.",
    ),
    "duplicate_conflict": (
        "Line {other} has the same key and says otherwise here.",
        "Keep the right one of the two rows.",
    ),
    "parent_ring": (
        "The store would be its own ancestor: {other}.",
        "Correct the parent of one of these stores.",
    ),
    "phone_malformed": (
        "A phone number has a plus sign, the country's code and digits.",
        "Write it like +390612345678.",
    ),
    "phone_invalid": (
        "There can be no such phone number: no country's numbering plan has it.",
        "Correct it, with the country's code first, like +390612345678.",
    ),
    "email_malformed": ("This is not an e-mail address.", "Write it like name@example.com."),
    "not_one_of": ("This is none of: {other}.", "Write one of them exactly so."),
    "too_many_codes": ("The cell names more than {other} codes.", "Name fewer."),
    "unreachable": ("The row has neither a phone number nor an e-mail address.", "Fill in one of them."),
    "user_ambiguous": (
        "One user has this phone number and another this e-mail address.",
        "Correct one of them, or remove it from the row.",
    ),
    "store_unknown": ("There is no store {other}.", "Correct the id, or upload the store first."),
    "store_missing": (
        "Whoever has the role {other} works in one store at least.",
        "Name the stores, or correct the role.",
    ),
    "uuid_malformed": (
        "An id is 32 hexadecimal digits in five groups.",
        "Copy it whole, like 01983f5e-2c7a-7b1d-8a55-0f2b6d1c9e30.",
    ),
    "transaction_unknown": ("There is no such transaction.", "Correct the id."),
    "transition_not_allowed": (
        "A transaction that is {other} cannot become this.",
        "Remove the row, or let the transaction go by the statuses between.",
    ),
    "status_by_settlement": (
        "This status comes with the payment of a statement; the transaction is {other}.",
        "Remove the row, and mark the statement as paid.",
    ),
    "local_time_malformed": (
        "This is not a time of the form {other}.",
        "Write it so, by the clock of the store.",
    ),
    "quantity_malformed": (
        "A quantity is a whole number, below zero for goods that came back, and never zero.",
        "Write it like 2 or -1.",
    ),
    "amount_malformed": (
        "An amount is digits with a decimal mark, and a minus sign for what was paid back.",
        "Write it like 1234.50 or -1234.50, or say in the retailer's mapping how it is written.",
    ),
    "sign_conflict": (
        "The quantity is {other} and the amount has the other sign.",
        "Write both below zero for goods that came back.",
    ),
    "sku_unknown": ("There is no product {other}.", "Correct the code, or upload the product first."),
    "store_of_another": (
        "The store {other} is none of this retailer's.",
        "Correct the id, or upload the file for the other retailer.",
    ),
    "receipt_conflict": (
        "Line {other} is of the same receipt and has another time or currency.",
        "Give each receipt a number of its own, or one time and currency to all of its lines.",
    ),
    "receipt_incomplete": (
        "Line {other} of the same receipt is bad, and a receipt is taken as a whole.",
        "Mend that line; this one needs nothing.",
    ),
    "company_id_taken": ("The store {other} has this id.", "Correct the id, or change it there too."),
}

REPORT_COLUMNS = ("line", "column", "code", "value", "detail", "fix")
"""What the file of rejected rows has after the columns of the original."""


def explain(rejection: Rejection, headers: Mapping[str, str]) -> RowError:
    """The rejection in words; `headers` tells the header in the file of each column's name."""
    detail, fix = WORDS[rejection.code]
    return RowError(
        line=rejection.line,
        column=headers.get(rejection.place, rejection.place),
        code=rejection.code,
        value=rejection.value[:SHOWN],
        detail=detail.format(other=rejection.other),
        fix=fix,
    )
