"""Uploads of receipts: a row is a line of a receipt, as a retailer's till wrote it."""

from shared.domain import cells, till_cells
from shared.domain.kinds.kind import Column, Kind, Target, Together
from shared.domain.kinds.product_columns import SKU_MOST
from shared.domain.kinds.stores import ID_MOST
from shared.domain.users import Permission

NUMBER_MOST = 64
AMOUNTS = ("unit_price", "amount", "discount")

KIND = Kind(
    name="receipts",
    says=(
        "A row is a line of a receipt. Rows of one store, day and receipt number are one receipt; without a "
        "number, those of one store, till and time. What is sent again takes the place of what was sent "
        "before. Amount is what was paid for the line; without it, unit price times quantity less discount."
    ),
    target=Target.RECEIPTS,
    key="number",
    columns=(
        Column(name="store_id", headers=("Store ID",), read=cells.code(ID_MOST), mandatory=True),
        Column(name="number", headers=("Receipt Number",), read=cells.code(NUMBER_MOST)),
        Column(name="till", headers=("Till",), read=cells.code(ID_MOST)),
        Column(name="sold_at", headers=("Sold At",), read=till_cells.local_time(), mandatory=True),
        # Tills that write date and time apart have a mapping that says so.
        Column(name="sold_on", headers=(), read=till_cells.local_date()),
        Column(name="sold_time", headers=(), read=till_cells.time_of_day()),
        Column(name="sku", headers=("SKU",), read=cells.code(SKU_MOST), mandatory=True),
        Column(name="quantity", headers=("Quantity",), read=till_cells.quantity(), mandatory=True),
        Column(name="unit_price", headers=("Unit Price",), read=till_cells.amount()),
        Column(name="amount", headers=("Amount",), read=till_cells.amount()),
        Column(name="discount", headers=("Discount",), read=till_cells.amount()),
        Column(name="promotion", headers=("Promotion",), read=cells.text(200)),
        Column(name="currency", headers=("Currency",), read=cells.currency, mandatory=True),
    ),
    takes_attributes=False,
    needs=Permission.RECONCILIATION_WRITE,
    together=tuple(Together(column=name, other="currency", read=till_cells.in_minor) for name in AMOUNTS),
    whole=("store_id", "number", "till", "sold_at", "sold_on", "sold_time"),
)
