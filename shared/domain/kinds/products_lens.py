"""Uploads of lenses: "New Code" is the sku."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Kind, Target
from shared.domain.kinds.product_columns import COLUMNS, SKU_MOST, TOGETHER

KIND = Kind(
    name="products_lens",
    says="A product keeps its kind; one that is not in the file stays as it is.",
    target=Target.PRODUCTS,
    key="sku",
    columns=(
        Column(name="sku", headers=("New Code", "SKU"), read=cells.code(SKU_MOST), mandatory=True),
        *COLUMNS,
    ),
    together=TOGETHER,
    constants={"kind": "lens"},
)
