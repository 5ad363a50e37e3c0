"""Notifications at the door: the dead ones and another try for them, and the provider's reports."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions import notifications
from shared.edge import sealing
from shared.jobs import outbox
from shared.settings import settings
from tests.functions.doors import Doors
from tests.harness import Msg91, eventually, forget_app
from tests.rows import Conn

TO = "+390655556666"


@pytest.fixture
def doors(app: None, conn: Conn) -> Iterator[Doors]:  # noqa: ARG001
    yield Doors(conn)
    sent()


def sent() -> None:
    """Wait for the sender in the background, which works at one thing at a time."""
    outbox._executor.submit(int).result()


def queue(conn: Conn, *, expires_in: str = "10 minutes") -> UUID:
    message_id = uuid4()
    content = {"to": TO, "code": "482915", "purpose": "sign_in"}
    conn.execute(
        """
        INSERT INTO outbox (id, kind, sealed, created_at, expires_at)
        VALUES (%s, 'otp_sms', %s, clock_timestamp(), now() + %s::interval)
        """,
        [message_id, sealing.seal(message_id, content), expires_in],
    )
    return message_id


def listed(doors: Doors, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        status, page = doors.call(notifications.list_notifications, query={"limit": "2", **query})
        assert status == 200, page
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def retry(doors: Doors, message_id: object) -> tuple[int, Any]:
    return doors.call(notifications.retry_notification, path={"notification_id": str(message_id)})


def test_a_dead_message_is_listed_set_right_and_sent(doors: Doors, conn: Conn, msg91: Msg91) -> None:
    msg91.behave("unlisted")
    dead = queue(conn)
    outbox.send_due()
    [listed_one] = listed(doors, status="dead")
    assert listed_one["id"] == str(dead)
    assert (listed_one["failure_code"], listed_one["can_be_retried"]) == ("provider_setup", True)
    assert TO[1:] not in str(listed_one)
    assert "482915" not in str(listed_one)
    msg91.behave("ok")
    status, again = retry(doors, dead)
    assert (status, again["state"], again["attempts"]) == (202, "waiting", 0)
    sent()
    assert len(msg91.messages(TO)) == 1
    assert listed(doors, status="dead") == []
    assert conn.execute("SELECT actor, action FROM audit_entries").fetchall() == [
        (doors.user_ids[next(iter(doors.user_ids))], "notification.retried")
    ]


def test_what_expired_cannot_be_sent_again(doors: Doors, conn: Conn, msg91: Msg91) -> None:
    expired = queue(conn, expires_in="-1 second")
    outbox.send_due()
    status, problem = retry(doors, expired)
    assert (status, problem["code"]) == (409, "notification_expired")
    [listed_one] = listed(doors, status="dead")
    assert (listed_one["failure_code"], listed_one["can_be_retried"]) == ("expired", False)
    assert msg91.messages() == []


def test_only_the_dead_are_sent_again(doors: Doors, conn: Conn) -> None:
    waiting = queue(conn)
    assert retry(doors, waiting)[1]["code"] == "notification_not_dead"
    outbox.send_due()
    assert retry(doors, waiting)[1]["code"] == "notification_not_dead"
    assert retry(doors, uuid4())[1]["code"] == "notification_not_found"


def test_messages_are_listed_page_by_page(doors: Doors, conn: Conn) -> None:
    ids = [str(queue(conn)) for _ in range(5)]
    assert [each["id"] for each in listed(doors)] == ids[::-1]
    outbox.send_due()
    assert {each["state"] for each in listed(doors, status="sent")} == {"sent"}
    assert listed(doors, status="waiting") == []


def report(doors: Doors, *, secret: str | None = None, **said: Any) -> tuple[int, Any]:
    return doors.call(
        notifications.receive_report,
        role=None,
        path={"secret": secret or settings().msg91_webhook_secret or ""},
        body={"requestId": "1", "status": "Delivered", "CRQID": "", "failureReason": ""} | said,
    )


def delivery(conn: Conn) -> list[tuple[str | None]]:
    return conn.execute("SELECT delivery FROM outbox").fetchall()


@pytest.mark.parametrize("by", ["our id", "the provider's id"])
def test_a_report_is_taken_once(doors: Doors, conn: Conn, by: str) -> None:
    message_id = queue(conn)
    outbox.send_due()
    [(provider_id,)] = conn.execute("SELECT provider_id FROM outbox").fetchall()
    said = {"CRQID": str(message_id)} if by == "our id" else {"requestId": provider_id, "CRQID": "0"}
    assert report(doors, **said) == (200, {"known": True, "taken": True})
    assert delivery(conn) == [("delivered",)]
    assert report(doors, **said) == (200, {"known": False, "taken": True})
    assert conn.execute("SELECT count(*) FROM delivery_reports").fetchone() == (1,)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("1", "delivered"), (2, "failed"), ("Failed", "failed"), (17, "failed"), ("Submitted", None)],
)
def test_words_and_numbers_of_the_provider(
    doors: Doors, conn: Conn, status: object, expected: str | None
) -> None:
    message_id = queue(conn)
    report(doors, CRQID=str(message_id), status=status, telNum="390655556666", smsLength="20")
    assert delivery(conn) == [(expected,)]


def test_what_was_delivered_stays_so(doors: Doors, conn: Conn) -> None:
    """Reports overtake each other."""
    message_id = str(queue(conn))
    report(doors, CRQID=message_id, status="Delivered")
    assert report(doors, CRQID=message_id, status="Failed")[1]["known"] is True
    assert delivery(conn) == [("delivered",)]


def test_a_report_of_nothing_of_ours_leaves_nothing(doors: Doors, conn: Conn) -> None:
    queue(conn)
    assert report(doors, CRQID=str(uuid4()))[1]["known"] is False
    assert report(doors, requestId="unknown")[1]["known"] is False
    assert conn.execute("SELECT count(*) FROM delivery_reports").fetchone() == (0,)


@pytest.mark.parametrize("secret", ["wrong", "\u00fc", "x" * 10_000])
def test_without_the_secret_there_is_nothing(doors: Doors, conn: Conn, secret: str) -> None:
    message_id = queue(conn)
    status, problem = report(doors, secret=secret, CRQID=str(message_id))
    assert (status, problem["code"]) == (404, "not_found")
    assert delivery(conn) == [(None,)]


def test_who_guesses_the_secret_is_stopped(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMITS", "refused=3/86400")
    forget_app()
    statuses = [report(doors, secret=f"guess-{number}")[0] for number in range(5)]
    assert statuses == [404, 404, 404, 429, 429]
    assert report(doors)[0] == 200, "the provider goes on"


def test_without_a_secret_set_nothing_is_taken(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MSG91_WEBHOOK_SECRET")
    forget_app()
    assert report(doors, secret="None")[0] == 404
    assert report(doors, secret="")[0] == 404


@pytest.mark.usefixtures("app")
def test_the_stand_in_reports_as_the_provider_does(conn: Conn, msg91: Msg91, running_host: Any) -> None:
    """Over HTTP, to the app's own address; a duplicate is reported twice and counts once."""
    host = running_host()
    msg91.stand_in.webhook = f"{host.url}/api/v1/notifications/reports/{settings().msg91_webhook_secret}"
    try:
        msg91.behave("duplicate", times=1)
        queue(conn)
        outbox.send_due()
        eventually(lambda: delivery(conn) == [("delivered",)])
    finally:
        msg91.stand_in.webhook = None
    assert len(msg91.messages(TO)) == 2
    assert conn.execute("SELECT count(*) FROM delivery_reports").fetchone() == (1,)
