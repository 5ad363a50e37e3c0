"""Uploads of stores; a parent may come after its children."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Kind, Target, Together

ID_MOST = 64

KIND = Kind(
    name="stores",
    says="A parent may come after its children. A store that is not in the file stays as it is.",
    target=Target.STORES,
    key="id",
    columns=(
        Column(name="id", headers=("Store ID",), read=cells.code(ID_MOST), mandatory=True),
        Column(name="name", headers=("Name", "Store Name"), read=cells.text(300), mandatory=True),
        Column(name="parent_id", headers=("Parent Store ID", "Parent ID"), read=cells.code(ID_MOST)),
        Column(name="company_a_id", headers=("Company A ID",), read=cells.code(ID_MOST)),
        Column(name="company_b_id", headers=("Company B ID",), read=cells.code(ID_MOST)),
        Column(name="address", headers=("Address",), read=cells.text(300)),
        Column(name="city", headers=("City",), read=cells.text(100)),
        Column(name="region", headers=("Region",), read=cells.text(100)),
        Column(name="country", headers=("Country",), read=cells.country, mandatory=True),
        Column(name="postal_code", headers=("Postal Code", "ZIP"), read=cells.text(20)),
        Column(name="latitude", headers=("Latitude",), read=cells.latitude),
        Column(name="longitude", headers=("Longitude",), read=cells.longitude),
        Column(name="zone", headers=("Zone", "Time Zone"), read=cells.zone, mandatory=True),
        Column(name="active", headers=("Active",), read=cells.boolean, default="true"),
    ),
    most_rows=200_000,
    together=(Together(column="parent_id", other="id", read=cells.not_itself),),
)
