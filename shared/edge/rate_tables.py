"""Rate tables: counters in Azure Table Storage, exact across processes by their ETags.

A table holds the windows that began on one day (UTC); the old ones are dropped as a whole, however much a
flood wrote into them.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared import identity
from shared.settings import settings

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableServiceClient

_PREFIX = "ratelimits"
# A request waits for this: what does not answer at once is done without.
_OPTIONS: dict[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 2}
TRIES = 3


class TablesAwayError(Exception):
    """The table storage did not answer; the count is not known."""


class ContendedError(Exception):
    """Others changed the counter each time."""


class Counter:
    """One counter as this process last saw it. Not for two threads at once."""

    def __init__(self, began_at: int, key: str) -> None:
        self.began_at = began_at
        self.count = 0
        self._key = key
        self._etag: str | None = None
        self._there = False

    def add(self, most: int) -> bool:
        """Count one more; False, and nothing counted, when there are `most`. One call to the storage usually.

        Raises ContendedError after three conflicts, TablesAwayError.
        """
        from azure.core.exceptions import (  # noqa: PLC0415 - heavy
            AzureError,
            ResourceExistsError,
            ResourceModifiedError,
            ResourceNotFoundError,
        )

        for _ in range(TRIES):
            try:
                if self._there and self._etag is None:
                    self._read()
                if self.count >= most:
                    return False
                self._write()
            except ResourceExistsError:
                self._there, self._etag = True, None
            except ResourceModifiedError:
                self._etag = None
            except ResourceNotFoundError:
                # The table of the day is not there yet, or somebody emptied it.
                self._there, self._etag, self.count = False, None, 0
                _ensure_table(self._table_name)
            except AzureError as error:
                raise TablesAwayError from error
            else:
                return True
        raise ContendedError

    @property
    def _table_name(self) -> str:
        return f"{_PREFIX}{datetime.fromtimestamp(self.began_at, UTC):%Y%m%d}"

    def _read(self) -> None:
        entity = _table(self._table_name).get_entity(self._key, str(self.began_at))
        self.count, self._etag = int(entity["Count"]), str(entity.metadata["etag"])

    def _write(self) -> None:
        from azure.core import MatchConditions  # noqa: PLC0415 - heavy
        from azure.data.tables import UpdateMode  # noqa: PLC0415 - heavy

        entity = {"PartitionKey": self._key, "RowKey": str(self.began_at), "Count": self.count + 1}
        table = _table(self._table_name)
        if self._etag is None:
            written = table.create_entity(entity)
        else:
            written = table.update_entity(
                entity,
                mode=UpdateMode.REPLACE,
                etag=self._etag,
                match_condition=MatchConditions.IfNotModified,
            )
        self.count, self._etag, self._there = self.count + 1, str(written["etag"]), True


def purge(now: datetime) -> int:
    """Drop the tables of days before yesterday; returns how many. Raises TablesAwayError."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy

    oldest = f"{_PREFIX}{now - timedelta(days=1):%Y%m%d}"
    try:
        old = [
            table.name
            for table in _service_of_settings().query_tables(
                f"TableName ge '{_PREFIX}' and TableName lt '{oldest}'"
            )
        ]
        for name in old:
            _service_of_settings().delete_table(name)
    except AzureError as error:
        raise TablesAwayError from error
    return len(old)


def _ensure_table(name: str) -> None:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy

    try:
        _service_of_settings().create_table_if_not_exists(name)
    except AzureError as error:
        raise TablesAwayError from error


def _table(name: str) -> "TableClient":
    return _service_of_settings().get_table_client(name)


def _service_of_settings() -> "TableServiceClient":
    here = settings()
    return _service(here.uploads_connection_string, here.tables_account_url, here.uploads_identity_client_id)


@lru_cache(maxsize=1)
def _service(
    connection_string: str | None, account_url: str | None, client_id: str | None
) -> "TableServiceClient":
    from azure.data.tables import TableServiceClient  # noqa: PLC0415 - heavy

    if account_url is None:
        return TableServiceClient.from_connection_string(connection_string or "", **_OPTIONS)
    return TableServiceClient(account_url, credential=identity.credential(client_id), **_OPTIONS)
