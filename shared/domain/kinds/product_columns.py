"""The columns that lenses and frames share, after their sku."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Together

SKU_MOST = 64

COLUMNS = (
    Column(
        name="name", headers=("Name", "Product Name", "Description"), read=cells.text(300), mandatory=True
    ),
    Column(name="brand", headers=("Brand",), read=cells.text(100)),
    Column(name="collection", headers=("Collection",), read=cells.text(100)),
    Column(name="type", headers=("Type", "Product Type"), read=cells.text(100)),
    Column(name="price", headers=("Price", "List Price"), read=cells.price, mandatory=True),
    Column(name="currency", headers=("Currency",), read=cells.currency, mandatory=True),
    Column(
        name="tax_rate_pct",
        headers=("Tax Rate %", "Tax Rate", "VAT %"),
        read=cells.tax_rate_pct,
        mandatory=True,
    ),
    Column(name="active", headers=("Active",), read=cells.boolean, default="true"),
)

TOGETHER = (Together(column="price", other="currency", read=cells.price_in_currency),)
