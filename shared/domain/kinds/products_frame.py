"""Uploads of frames: "EAN_New" or "SKU Code" is the sku; where a file has both they must agree."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Kind, Target
from shared.domain.kinds.product_columns import COLUMNS, SKU_MOST, TOGETHER

KIND = Kind(
    name="products_frame",
    says="A product keeps its kind; one that is not in the file stays as it is.",
    target=Target.PRODUCTS,
    key="sku",
    columns=(
        Column(name="sku", headers=("EAN_New", "SKU Code", "SKU"), read=cells.code(SKU_MOST), mandatory=True),
        *COLUMNS,
    ),
    together=TOGETHER,
    constants={"kind": "frame"},
)
