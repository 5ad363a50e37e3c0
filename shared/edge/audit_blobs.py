"""Audit blobs: files to which lines are only ever appended, some of each day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from shared.edge import storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

MOST_BLOCKS = 50_000
"""What an append blob holds of them."""

MOST_BYTES = 4 * 1024 * 1024
"""What one append may bring."""

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{5})\.jsonl")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a blob holds."""

    length: int
    blocks: int


def name_of(day: date, part: int) -> str:
    return f"{day.isoformat()}/{part:05}.jsonl"


def create(day: date, part: int) -> None:
    """Make the blob unless it is there. Raises StorageUnavailable."""
    from azure.core import MatchConditions  # noqa: PLC0415 - at first use, not at a cold start
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError  # noqa: PLC0415
    from azure.storage.blob import ContentSettings  # noqa: PLC0415

    with storage.answering():
        storage.create_containers()
        try:
            _client(day, part).create_append_blob(
                ContentSettings(content_type="application/x-ndjson"),
                match_condition=MatchConditions.IfMissing,
            )
        except (ResourceExistsError, ResourceModifiedError):
            return


def append(day: date, part: int, content: bytes, *, at: int) -> Extent | None:
    """Append to a blob of just that length; None, and nothing appended, when it has another.

    An answer that was lost looks like that: the library asks again, and finds its own bytes there.
    Raises StorageUnavailable.
    """
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

    with storage.answering():
        try:
            told: Any = _client(day, part).append_block(content, len(content), appendpos_condition=at)
        except HttpResponseError as error:
            if error.status_code != 412:
                raise
            return None
    return Extent(int(told["blob_append_offset"]) + len(content), told["blob_committed_block_count"])


def extent(day: date, part: int) -> Extent:
    """Raises StorageUnavailable."""
    with storage.answering():
        properties: Any = _client(day, part).get_blob_properties()
    return Extent(properties.size, properties.append_blob_committed_block_count)


def read(day: date, part: int, *, at: int, length: int) -> bytes:
    """Raises StorageUnavailable."""
    with storage.answering():
        return _client(day, part).download_blob(offset=at, length=length).readall()


def lines(day: date) -> Iterator[bytes]:
    """The lines of a day, without their ends, part after part. Raises StorageUnavailable."""
    with storage.answering():
        storage.create_containers()
        container = storage.service().get_container_client(storage.AUDIT)
        for name in sorted(container.list_blob_names(name_starts_with=f"{day.isoformat()}/")):
            rest = b""
            for chunk in container.download_blob(name).chunks():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest


def days() -> set[date]:
    """The days that have blobs. Raises StorageUnavailable."""
    with storage.answering():
        storage.create_containers()
        names = storage.service().get_container_client(storage.AUDIT).list_blob_names()
        found = (_NAME.fullmatch(name) for name in names)
        return {date.fromisoformat(each[1]) for each in found if each}


def _client(day: date, part: int) -> "BlobClient":
    return storage.service().get_blob_client(storage.AUDIT, name_of(day, part))
