"""Blob functions through the webhook, the durable queue and the poison queue, on a real Azurite."""

import contextlib
import json
import signal
import time
from base64 import b64decode, b64encode
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from devhost.blob_queue import HIDDEN_SECONDS
from tests.devhost.programs import Host, blob_created
from tests.harness import eventually

TRIES = 3  # poisonBlobThreshold of the fixture app
PARALLEL = 2  # maxDegreeOfParallelism of the fixture app


def peeked(queue: QueueClient) -> list[QueueMessage]:
    """Visible messages as they are stored; none while there is no queue."""
    try:
        return queue.peek_messages(32)
    except ResourceNotFoundError:
        return []


def queued(host: Host, queue: str) -> list[dict[str, str]]:
    """The visible messages of a queue."""
    with QueueServiceClient.from_connection_string(host.connection_string) as service:
        messages = peeked(service.get_queue_client(queue))
    readable: list[dict[str, str]] = []
    for message in messages:
        with contextlib.suppress(ValueError):
            readable.append(json.loads(b64decode(message.content, validate=True)))
    return readable


def poisoned(host: Host, name: str) -> list[dict[str, str]]:
    found = queued(host, "webjobs-blobtrigger-poison")
    return [message for message in found if isinstance(message, dict) and message.get("BlobName") == name]


def at_least(count: int, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records once there are that many, else none."""
    return records if len(records) >= count else []


def test_the_subscription_handshake_is_answered_with_its_code(host: Host) -> None:
    event = {
        "id": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6"},
    }
    answer = host.deliver("take_client", [event])
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


def test_an_event_runs_the_function_with_the_sdk_client_of_its_blob(host: Host) -> None:
    name = f"in/{uuid4()} ü.csv"
    host.upload("uploads", name, "hello")
    answer = host.notify("take_client", "uploads", name)
    assert (answer.status_code, answer.content) == (202, b"")
    ran = eventually(lambda: host.recorded("client", name=name))
    assert ran == [{"name": name, "content": "hello", "container": "uploads"}]


def test_an_event_runs_the_function_with_a_stream_of_its_blob(host: Host) -> None:
    name = f"{uuid4()}.csv"
    host.upload("streams", name, "streamed", metadata={"k": "v"})
    host.notify("take_stream", "streams", name)
    (ran,) = eventually(lambda: host.recorded("stream", name=f"streams/{name}"))
    assert (ran["content"], ran["length"], ran["metadata"]) == ("streamed", 8, {"k": "v"})
    assert ran["uri"] == host.blobs.get_blob_client("streams", name).url


def test_a_success_takes_the_message_off_the_queue(own_host: Host) -> None:
    own_host.start()
    own_host.upload("uploads", "once", "ok")
    own_host.notify("take_client", "uploads", "once")
    eventually(lambda: own_host.recorded("client") and own_host.messages() == 0)
    assert len(own_host.recorded("client")) == 1


def test_a_failing_blob_is_tried_and_then_parked_in_the_poison_queue(host: Host) -> None:
    name = str(uuid4())
    host.upload("uploads", name, "fail")
    host.notify("take_client", "uploads", name)
    (message,) = eventually(lambda: poisoned(host, name))
    assert len(host.recorded("client", name=name)) == TRIES
    assert message == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.take_client",
        "BlobType": "BlockBlob",
        "ContainerName": "uploads",
        "BlobName": name,
        "ETag": "0x1",
    }


def test_a_blob_that_is_gone_is_dropped_with_a_log_line(host: Host) -> None:
    name = str(uuid4())
    host.upload("uploads", "any", "ok")
    assert host.notify("take_client", "uploads", name).status_code == 202
    eventually(lambda: f"uploads/{name} is gone" in host.errors)
    assert host.recorded("began", name=name) == []
    assert poisoned(host, name) == []


def test_the_same_event_twice_runs_twice(host: Host) -> None:
    name = str(uuid4())
    host.upload("uploads", name, "ok")
    assert host.deliver("take_client", [blob_created("uploads", name)] * 2).status_code == 202
    eventually(lambda: len(host.recorded("client", name=name)) == 2)


def test_no_more_run_at_once_than_the_setting_allows(own_host: Host) -> None:
    own_host.start()
    names = [f"wait-{number}" for number in range(PARALLEL + 2)]
    for name in names:
        own_host.upload("uploads", name, "ok")
    own_host.deliver("take_client", [blob_created("uploads", name) for name in names])
    for already in range(len(names)):
        started = min(PARALLEL + already, len(names))
        began = eventually(lambda count=started: at_least(count, own_host.recorded("began")))
        assert len(began) == started
        own_host.release(began[already]["name"])
    eventually(lambda: len(own_host.recorded("client")) == len(names))


@pytest.mark.parametrize("function", ["nobody", "tick", "echo"])
def test_events_for_what_is_no_blob_function_are_refused(host: Host, function: str) -> None:
    answer = host.notify(function, "uploads", "x")
    assert answer.status_code == 404
    assert function in answer.text


def test_the_function_name_needs_its_prefix(host: Host) -> None:
    path = "/runtime/webhooks/blobs?functionName=take_client"
    assert host.request("POST", path, json=[blob_created("uploads", "x")]).status_code == 404


@pytest.mark.parametrize(
    "events",
    [
        {},
        [1],
        [{"eventType": "Microsoft.Storage.BlobCreated"}],
        [blob_created("uploads", "x") | {"subject": "/x"}],
    ],
)
def test_what_are_no_events_is_400(host: Host, events: Any) -> None:
    assert host.deliver("take_client", events).status_code == 400


def test_other_events_are_accepted_and_ignored(host: Host) -> None:
    name = str(uuid4())
    host.upload("uploads", name, "ok")
    deleted = blob_created("uploads", name) | {"eventType": "Microsoft.Storage.BlobDeleted"}
    assert host.deliver("take_client", [deleted]).status_code == 202
    last = str(uuid4())
    host.upload("uploads", last, "ok")
    host.notify("take_client", "uploads", last)
    eventually(lambda: host.recorded("client", name=last))
    assert host.recorded("began", name=name) == []


def test_a_message_whose_last_try_was_killed_is_parked_without_another(own_host: Host) -> None:
    own_host.start()
    assert own_host.url
    own_host.stop()
    own_host.upload("uploads", "killer", "ok")
    host_id = (own_host.state / "host-id").read_text()
    message = {"FunctionId": "Host.Functions.take_client", "ContainerName": "uploads", "BlobName": "killer"}
    with QueueServiceClient.from_connection_string(own_host.connection_string) as service:
        queue = service.create_queue(f"azure-webjobs-blobtrigger-{host_id}")
        queue.send_message(b64encode(json.dumps(message).encode()).decode())
        for _ in range(TRIES):
            taken = queue.receive_message()
            assert taken is not None
            queue.update_message(taken, visibility_timeout=0)
    own_host.start()
    assert eventually(lambda: poisoned(own_host, "killer")) == [message]
    assert own_host.recorded("began") == []


@pytest.mark.parametrize(
    "content", ["%%%", b64encode(b"{").decode(), b64encode(b"[]").decode(), b64encode(b'{"a": 1}').decode()]
)
def test_a_message_that_cannot_be_read_is_parked_and_stops_nothing(host: Host, content: str) -> None:
    host.upload("uploads", "after", "ok")
    host_id = (host.state / "host-id").read_text()
    with QueueServiceClient.from_connection_string(host.connection_string) as service:
        assert host.notify("take_client", "uploads", "after").status_code == 202
        service.get_queue_client(f"azure-webjobs-blobtrigger-{host_id}").send_message(content)
        poison = service.get_queue_client("webjobs-blobtrigger-poison")
        eventually(lambda: content in [message.content for message in peeked(poison)])
    name = str(uuid4())
    host.upload("uploads", name, "ok")
    host.notify("take_client", "uploads", name)
    eventually(lambda: host.recorded("client", name=name))


@pytest.mark.slow
def test_a_message_survives_a_kill_of_the_host_and_is_tried_again(own_host: Host) -> None:
    own_host.start()
    own_host.upload("uploads", "wait-kill", "ok")
    own_host.notify("take_client", "uploads", "wait-kill")
    eventually(lambda: own_host.recorded("began"))
    assert own_host.stop(signal.SIGKILL) == -signal.SIGKILL
    own_host.release("wait-kill")
    own_host.start()
    eventually(lambda: own_host.recorded("client"))
    assert len(own_host.recorded("began")) == 2
    eventually(lambda: own_host.messages() == 0)


@pytest.mark.slow
def test_a_long_run_keeps_its_message(own_host: Host) -> None:
    """Longer than a message is hidden: it is renewed, so nobody takes it a second time."""
    own_host.start()
    own_host.upload("uploads", "wait-long", "ok")
    own_host.notify("take_client", "uploads", "wait-long")
    eventually(lambda: own_host.recorded("began"))
    time.sleep(HIDDEN_SECONDS + 1)
    own_host.release("wait-long")
    eventually(lambda: own_host.messages() == 0)
    assert len(own_host.recorded("began")) == 1


def test_a_blob_function_runs_now_for_the_blob_named(host: Host) -> None:
    name = f"{uuid4()}.csv"
    host.upload("uploads", name, "by hand")
    answer = host.request("POST", "/admin/functions/take_client", json={"input": f"uploads/{name}"})
    assert answer.status_code == 202
    assert eventually(lambda: host.recorded("client", name=name))[0]["content"] == "by hand"
