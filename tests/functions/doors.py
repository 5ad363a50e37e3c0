"""Calling the app's functions in this process."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import azure.functions as func
import psycopg

from shared.domain.users import Caller, Role
from shared.edge import tokens
from shared.edge.blob_events import BlobEvent
from tests.rows import a_user


def blob_event(container: str, name: str) -> BlobEvent:
    """What the runtime makes of the host's word that a blob was put."""
    told = {"Connection": "UPLOADS_STORAGE", "ContainerName": container, "BlobName": name}
    return BlobEvent(data=SimpleNamespace(content=json.dumps(told)))


class Doors:
    """Calls functions as the runtime does, signed in as somebody."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.user_ids = {
            role: a_user(conn, role)
            for role in (Role.ADMIN, Role.BACK_OFFICE, Role.STORE_USER, Role.PARENT_STORE_USER)
        }

    def call(
        self,
        door: Any,
        *,
        role: Role | None = Role.ADMIN,
        store_id: str | None = None,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> tuple[int, Any]:
        """The status and the JSON of what the function `door` answers; `role` None is nobody."""
        sent = {"content-type": "application/json", **(headers or {})}
        if role is not None:
            caller = Caller(self.user_ids[role], role, store_id, uuid4())
            sent["authorization"] = f"Bearer {tokens.issue(caller, datetime.now(UTC))}"
        request = func.HttpRequest(
            method="POST",
            url="http://localhost",
            headers=sent,
            params=query or {},
            route_params=path or {},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        reply = door.build().get_user_function()(request)
        return reply.status_code, json.loads(reply.get_body())
