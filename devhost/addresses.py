"""Where a local run listens and what it uses of the outside, as the environment says."""

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from devhost.services.azurite import HOST, Ports


class AddressError(Exception):
    """A port cannot be used; the message says which, and the variable that sets another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Ports of what is started here, URLs of what is not. `host_url` is a `func start` of this app."""

    api_port: int
    msg91_port: int
    storage: Ports
    database_url: str | None
    storage_connection_string: str | None
    host_url: str | None

    @property
    def api(self) -> str:
        return self.host_url or f"http://{HOST}:{self.api_port}"

    @property
    def msg91(self) -> str:
        return f"http://{HOST}:{self.msg91_port}"

    def ports_needed(self) -> dict[str, int]:
        """Ports this run will listen on, by the variable that sets each."""
        needed = {"MSG91_PORT": self.msg91_port}
        if self.host_url is None:
            needed |= {"API_PORT": self.api_port}
        if self.storage_connection_string is None:
            needed |= {
                "BLOB_PORT": self.storage.blob,
                "QUEUE_PORT": self.storage.queue,
                "TABLE_PORT": self.storage.table,
            }
        return needed


def read(environment: Mapping[str, str] = os.environ) -> Addresses:
    """Raises AddressError naming the variable that is not a port."""

    def port(name: str, default: int) -> int:
        value = environment.get(name) or str(default)
        if not (value.isascii() and value.isdecimal() and 0 < int(value) < 65536):
            raise AddressError(f"{name}={value} is not a port")
        return int(value)

    return Addresses(
        api_port=port("API_PORT", 7071),
        msg91_port=port("MSG91_PORT", 7072),
        storage=Ports(port("BLOB_PORT", 10000), port("QUEUE_PORT", 10001), port("TABLE_PORT", 10002)),
        database_url=environment.get("DATABASE_URL") or None,
        storage_connection_string=environment.get("AZURE_STORAGE_CONNECTION_STRING") or None,
        host_url=(environment.get("HOST_URL") or "").rstrip("/") or None,
    )


def check_free(addresses: Addresses) -> None:
    """Raises AddressError naming every port that something else listens on."""
    needed = addresses.ports_needed()
    twice = [name for name, port in needed.items() if list(needed.values()).count(port) > 1]
    if twice:
        raise AddressError(f"{' and '.join(twice)} are the same port")
    busy = {name: port for name, port in needed.items() if _is_busy(port)}
    if busy:
        others = " ".join(f"{name}={port + 100}" for name, port in busy.items())
        ports = ", ".join(f"{port} ({name})" for name, port in busy.items())
        raise AddressError(f"in use by another program: port {ports}\nset other ports: {others} make run")


def _is_busy(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return True
            raise
    return False
