"""Uploads of users: known by phone, or else by e-mail; their stores are the ones the file names."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Kind, Target
from shared.domain.kinds.stores import ID_MOST
from shared.domain.users import Role

_MOST_STORES = 5_000

KIND = Kind(
    name="users",
    says=(
        "One of phone and e-mail at least, and a store for the roles store_user and parent_store_user. "
        "Removing a row removes nobody: set Active to no instead."
    ),
    target=Target.USERS,
    key="phone",
    columns=(
        Column(name="phone", headers=("Phone", "Mobile"), read=cells.phone),
        Column(name="email", headers=("E-mail", "Email"), read=cells.email),
        Column(name="name", headers=("Name", "User Name"), read=cells.text(200), mandatory=True),
        Column(name="role", headers=("Role",), read=cells.one_of(tuple(Role)), mandatory=True),
        Column(name="stores", headers=("Stores", "Store IDs"), read=cells.codes(ID_MOST, _MOST_STORES)),
        Column(name="active", headers=("Active",), read=cells.boolean, default="true"),
    ),
    takes_attributes=False,
    most_rows=200_000,
)
