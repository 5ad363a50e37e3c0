"""The doors of uploads: from asking to the rejected rows, and what is refused."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from functions import ingest, uploads
from shared.domain.kinds import KINDS
from shared.domain.users import Role
from shared.edge import storage
from shared.settings import settings
from tests.functions.doors import Doors, blob_event

ASK = {"kind": "products_lens", "filename": "lenses.csv"}
LENS = b"New Code,Name,Price,Currency,Tax Rate %\nA,Lens A,10,EUR,22\n,Lens B,10,EUR,22\n"


class Client(Doors):
    """An administrator who uploads."""

    def ask(self, **changes: Any) -> dict[str, Any]:
        status, ticket = self.call(uploads.create_upload, body=ASK | changes)
        assert status == 201
        return ticket

    def get(self, upload_id: str) -> dict[str, Any]:
        status, upload = self.call(uploads.get_upload, path={"upload_id": upload_id})
        assert status == 200
        return upload


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Client:  # noqa: ARG001
    return Client(conn)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def deliver(upload_id: str) -> None:
    event = blob_event(storage.UPLOADS, f"{ASK['kind']}/{upload_id}.csv")
    assert ingest.ingest_upload.build().get_user_function()(event) is None


def test_from_the_ticket_to_the_rejected_rows(doors: Client, http: httpx.Client) -> None:
    ticket = doors.ask()
    assert set(ticket) == {"upload_id", "put_url", "headers", "expires_at"}
    assert ticket["headers"] == {"x-ms-blob-type": "BlockBlob", "Content-Type": "text/csv"}
    assert doors.get(ticket["upload_id"])["status"] == "awaiting"
    assert http.put(ticket["put_url"], headers=ticket["headers"], content=LENS).status_code == 201
    deliver(ticket["upload_id"])
    upload = doors.get(ticket["upload_id"])
    assert (upload["status"], upload["progress"], upload["mode"]) == ("completed", 100, "valid_rows")
    assert upload["rows"] == {"read": 2, "inserted": 1, "updated": 0, "unchanged": 0, "rejected": 1}
    assert upload["errors"] == [
        {
            "line": 3,
            "column": "New Code",
            "code": "missing",
            "value": "",
            "detail": "This column must have a value.",
            "fix": "Fill the cell in.",
        }
    ]
    assert (
        http.get(upload["rejected_url"])
        .text.splitlines()[1]
        .startswith(",Lens B,10,EUR,22,3,New Code,missing,")
    )
    assert upload["created_at"] <= upload["received_at"] <= upload["finished_at"]


def test_without_rejected_rows_there_is_no_url(doors: Client, http: httpx.Client) -> None:
    ticket = doors.ask()
    http.put(ticket["put_url"], headers=ticket["headers"], content=b"\n".join(LENS.splitlines()[:2]))
    deliver(ticket["upload_id"])
    assert doors.get(ticket["upload_id"])["rejected_url"] is None


def test_the_list_goes_back_page_by_page(doors: Client) -> None:
    ids = [doors.ask()["upload_id"] for _ in range(3)]
    status, page = doors.call(uploads.list_uploads, query={"limit": "2"})
    assert (status, [each["id"] for each in page["items"]]) == (200, [ids[2], ids[1]])
    status, page = doors.call(uploads.list_uploads, query={"limit": "2", "cursor": page["next_cursor"]})
    assert [each["id"] for each in page["items"]] == [ids[0]]
    assert page["next_cursor"] is None


def test_an_upload_is_cancelled_once(doors: Client, http: httpx.Client) -> None:
    ticket = doors.ask()
    path = {"upload_id": ticket["upload_id"]}
    status, upload = doors.call(uploads.cancel_upload, path=path)
    assert (status, upload["status"]) == (200, "cancelled")
    status, problem = doors.call(uploads.cancel_upload, path=path)
    assert (status, problem["code"]) == (409, "upload_finished")
    http.put(ticket["put_url"], headers=ticket["headers"], content=LENS)
    deliver(ticket["upload_id"])
    assert doors.get(ticket["upload_id"])["status"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "invoices"}, "/kind"),
        ({"filename": ""}, "/filename"),
        ({"mode": "some"}, "/mode"),
        ({"validate_only": "yes"}, "/validate_only"),
        ({"container": "other"}, "/container"),
    ],
)
def test_a_request_of_another_shape_is_refused(doors: Client, change: dict[str, Any], pointer: str) -> None:
    status, problem = doors.call(uploads.create_upload, body=ASK | change)
    assert (status, [place["pointer"] for place in problem["errors"]]) == (422, [pointer])


def test_who_may(doors: Client) -> None:
    upload_id = doors.ask()["upload_id"]
    path = {"upload_id": upload_id}
    assert doors.call(uploads.create_upload, role=None, body=ASK)[0] == 401
    for role in (Role.BACK_OFFICE, Role.STORE_USER):
        assert doors.call(uploads.create_upload, role=role, body=ASK)[0] == 403
        assert doors.call(uploads.cancel_upload, role=role, path=path)[0] == 403
    assert doors.call(uploads.get_upload, role=Role.BACK_OFFICE, path=path)[0] == 200
    assert doors.call(uploads.get_upload, role=Role.STORE_USER, path=path)[0] == 403
    assert doors.call(uploads.list_uploads, role=Role.STORE_USER)[0] == 403


def test_one_that_is_not_there(doors: Client) -> None:
    for door in (uploads.get_upload, uploads.cancel_upload):
        status, problem = doors.call(door, path={"upload_id": str(uuid4())})
        assert (status, problem["code"]) == (404, "upload_unknown")


def test_storage_that_does_not_answer_is_told(doors: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "UPLOADS_STORAGE",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a",
    )
    settings.cache_clear()
    status, problem = doors.call(uploads.create_upload, body=ASK)
    assert (status, problem["code"]) == (503, "storage_unavailable")


def test_the_kinds_are_told_from_their_declarations(doors: Client) -> None:
    status, kinds = doors.call(uploads.list_upload_kinds)
    assert status == 200
    told = {kind["kind"]: kind for kind in kinds}
    assert set(told) == set(KINDS)
    frame = {column["name"]: column for column in told["products_frame"]["columns"]}
    assert frame["sku"] == {
        "name": "sku",
        "headers": ["EAN_New", "SKU Code", "SKU"],
        "type": "code",
        "says": "at most 64 printable characters, single blanks inside at most",
        "mandatory": True,
        "default": None,
    }
    assert (told["users"]["takes_attributes"], told["stores"]["takes_attributes"]) == (False, True)
    assert doors.call(uploads.list_upload_kinds, role=Role.STORE_USER)[0] == 403
