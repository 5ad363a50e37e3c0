"""Tickets: what a signed URL allows, against a real storage account, and how delegation keys are kept."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from shared.domain.uploads import UploadKind
from shared.edge import blobs, files, storage
from shared.edge.files import DelegationKeys, Ticket
from shared.settings import settings

pytestmark = pytest.mark.usefixtures("app")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def ticket() -> Ticket:
    now = datetime.now(UTC)
    return files.ticket(UploadKind.USERS, uuid4(), now + timedelta(minutes=15), now)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def test_a_ticket_creates_its_one_blob_once(ticket: Ticket, http: httpx.Client) -> None:
    put = http.put(ticket.put_url, headers=ticket.headers, content=b"a,b\n")
    assert put.status_code == 201
    assert http.put(ticket.put_url, headers=ticket.headers, content=b"c,d\n").status_code == 403
    source = blobs.source(storage.service().get_blob_client("uploads", f"users/{ticket.upload_id}.csv"))
    assert source is not None
    assert (source.size, b"".join(source.chunks())) == (4, b"a,b\n")
    assert source.etag == put.headers["etag"]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("GET", ""),
        ("HEAD", ""),
        ("DELETE", ""),
        ("PUT", "&comp=block&blockid=YQ=="),
        ("PUT", "&comp=metadata"),
        ("GET", "&restype=container&comp=list"),
    ],
)
def test_a_ticket_does_nothing_else(ticket: Ticket, http: httpx.Client, method: str, change: str) -> None:
    http.put(ticket.put_url, headers=ticket.headers, content=b"a,b\n")
    assert http.request(method, ticket.put_url + change, headers=ticket.headers).status_code == 403


def test_a_ticket_is_for_its_own_name_and_time(ticket: Ticket, http: httpx.Client) -> None:
    other = ticket.put_url.replace(str(ticket.upload_id), str(uuid4()))
    assert http.put(other, headers=ticket.headers, content=b"x").status_code == 403
    kept = ticket.put_url.replace("/users/", "/stores/")
    assert http.put(kept, headers=ticket.headers, content=b"x").status_code == 403
    longer = ticket.put_url.replace("sp=c", "sp=cw")
    assert http.put(longer, headers=ticket.headers, content=b"x").status_code == 403
    past = datetime.now(UTC) - timedelta(minutes=1)
    late = files.ticket(UploadKind.USERS, ticket.upload_id, past, past)
    assert http.put(late.put_url, headers=late.headers, content=b"x").status_code == 403
    query = parse_qs(urlsplit(ticket.put_url).query)
    assert (query["sp"], query["sr"]) == (["c"], ["b"])
    assert query["se"] == [ticket.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert "st" not in query


def test_rejected_rows_can_be_read_only(http: httpx.Client) -> None:
    upload_id = uuid4()
    blobs.write_rejected(upload_id, [b"a,b\n", b"c,d\n"])
    blobs.write_rejected(upload_id, [b"e,f\n"])
    url = files.rejected_url(upload_id, datetime.now(UTC))
    reply = http.get(url)
    assert (reply.status_code, reply.content) == (200, b"e,f\n")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"rejected-{upload_id}.csv" in reply.headers["content-disposition"]
    assert http.put(url, headers={"x-ms-blob-type": "BlockBlob"}, content=b"x").status_code == 403


def test_a_blob_larger_than_a_chunk_comes_whole(
    monkeypatch: pytest.MonkeyPatch, ticket: Ticket, http: httpx.Client
) -> None:
    monkeypatch.setattr(blobs, "CHUNK", 1000)
    content = bytes(range(256)) * 20
    http.put(ticket.put_url, headers=ticket.headers, content=content)
    source = blobs.source(storage.service().get_blob_client("uploads", f"users/{ticket.upload_id}.csv"))
    assert source is not None
    chunks = list(source.chunks())
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 1000, 1000, 1000, 120]
    assert b"".join(chunks) == content


def test_storage_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs.check()
    monkeypatch.setenv(
        "UPLOADS_STORAGE",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a",
    )
    settings.cache_clear()
    with pytest.raises(blobs.StorageUnavailable):
        blobs.check()


class Counted:
    """Hands out numbered keys and remembers for which time each was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, start: datetime, end: datetime) -> int:
        self.gate.wait(10)
        self.asked.append((start, end))
        return len(self.asked)


def test_a_delegation_key_serves_until_it_would_end_before_the_signature() -> None:
    fetch = Counted()
    keys = DelegationKeys(fetch)
    quarter = timedelta(minutes=15)
    assert keys.get(NOW, NOW + quarter) == 1
    assert fetch.asked == [(NOW - quarter, NOW + timedelta(hours=6))]
    almost = NOW + timedelta(hours=5, minutes=45)
    assert keys.get(almost, almost + quarter) == 1
    later = almost + timedelta(seconds=1)
    assert keys.get(later, later + quarter) == 2


def test_many_callers_fetch_one_delegation_key() -> None:
    fetch = Counted()
    fetch.gate.clear()
    keys = DelegationKeys(fetch)
    with ThreadPoolExecutor(8) as executor:
        got = [executor.submit(keys.get, NOW, NOW + timedelta(minutes=15)) for _ in range(8)]
        fetch.gate.set()
    assert {future.result() for future in got} == {1}
    assert len(fetch.asked) == 1
