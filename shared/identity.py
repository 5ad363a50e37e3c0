"""Identity: the managed identity by which Azure's services know this app."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential

_DATABASE = "https://ossrdbms-aad.database.windows.net/.default"


@cache
def credential(client_id: str | None) -> "ManagedIdentityCredential":
    """The identity with that client id, None for the app's own; it keeps tokens and renews them in time."""
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 - heavy, and unused locally

    return ManagedIdentityCredential(client_id=client_id)


def database_password(client_id: str | None) -> str:
    """A token that Azure Database for PostgreSQL takes for a password; good for a login within the hour."""
    return credential(client_id).get_token(_DATABASE).token
