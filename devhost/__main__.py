"""The local environment: `python -m devhost run | reset | settings`."""

import argparse
import json
import shutil
import signal
import sys

from devhost import addresses, leash, options
from devhost.environment import app_settings, local_folder
from devhost.processes import ChildError, stop_leftovers
from devhost.run_lock import RunLock, RunLockedError
from devhost.services.postgres import Postgres, stop_servers_of
from devhost.supervisor import DATABASE, Supervisor

# What costs a download, and what is not a run's to delete.
KEPT_BY_RESET = ("azurite-", "azurite.lock", "lock", "test-runs")


def run() -> None:
    """Start everything and stay until stopped."""
    Supervisor(local_folder(), addresses.read(), options.read()).run()


def reset() -> None:
    """Stop what a killed run left and remove its data, keeping what was installed."""
    local = local_folder()
    _lock = RunLock(local)
    stop_leftovers(local)
    stop_servers_of(local / "postgres")
    for path in local.iterdir():
        if path.name == "azurite-data" or not path.name.startswith(KEPT_BY_RESET):
            shutil.rmtree(path)
    print(f"removed the data in {local}")


def settings() -> None:
    """Print local.settings.json for `func start` beside a run with HOST_URL."""
    where = addresses.read()
    values = app_settings(
        database_url=where.database_url or Postgres(local_folder()).url(DATABASE),
        storage=where.storage_connection_string or where.storage.connection_string(),
        msg91_url=where.msg91,
        secrets_folder=local_folder() / "secrets",
    )
    values |= {"FUNCTIONS_WORKER_RUNTIME": "python"}
    print(json.dumps({"IsEncrypted": False, "Values": values}, indent=2))


def main() -> int:
    commands = {command.__name__: command for command in (run, reset, settings)}
    parser = argparse.ArgumentParser(prog="python -m devhost", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("--with-parent", action="store_true", help="stop when the calling process ends")
    arguments = parser.parse_args()
    if arguments.with_parent:
        leash.die_with_parent(signal.SIGTERM)
    try:
        commands[arguments.command]()
    except (addresses.AddressError, options.OptionError, ChildError, RunLockedError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
