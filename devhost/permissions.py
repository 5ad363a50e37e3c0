"""The matrix of roles and operations: `python -m devhost.permissions` writes docs/permissions.md."""

from collections.abc import Iterable
from pathlib import Path

from devhost.environment import ROOT
from shared.domain.api_keys import NOT_FOR_KEYS
from shared.domain.users import PERMISSIONS, SCOPES, Permission, Role, Scope
from shared.edge.operations import REGISTRY, Access, Operation

DOCUMENT = ROOT / "docs" / "permissions.md"

_SCOPES = {
    Scope.ALL: "everything",
    Scope.STORE: "the store of its token",
    Scope.SUBTREE: "the store of its token and those below it; it switches between them",
    Scope.PARTY: "what is of its party",
    Scope.OWN: "what is its own",
}
_ACCESS = {
    Access.OPEN: "none",
    Access.OPTIONAL: "none; a token counts",
    Access.SIGNED_IN: "signed in",
    Access.SESSION: "signed in, no key",
}


_PAGE = """\
# Permissions

Made by `python -m devhost.permissions`, of the table in `shared/domain/users.py` and of what each endpoint
names; a test refuses a page that is not current.

## Roles

{roles}

A permission says what may be done, the scope whose rows it may be done with. What is out of it is not there
(404), lists leave it out, and who sells or evaluates elsewhere is refused (403). An API key acts for a user,
in the user's scope, with those of the user's permissions that it was given.

## Operations

`key` is whether an API key can be let do it.

{operations}
"""


def document() -> str:
    """The page, of what the app's operations and the domain's table say."""
    import function_app  # noqa: PLC0415 - registers the operations, which takes a moment

    assert function_app.app is not None  # noqa: S101 - importing it was the point
    operations = sorted(REGISTRY.values(), key=lambda each: (each.tag, each.route, each.method))
    head = ("operation", "", "needs", "key", *(role.value.replace("_", " ") for role in Role))
    return _PAGE.format(
        roles=_table(("role", "sees", "permissions"), map(_role, Role)),
        operations=_table(head, map(_operation, operations)),
    )


def _role(role: Role) -> tuple[str, ...]:
    may = ", ".join(f"`{each}`" for each in sorted(PERMISSIONS[role]))
    return f"`{role}`", _SCOPES[SCOPES[role]], may or "none yet"


def _operation(operation: Operation) -> tuple[str, ...]:
    access = operation.access
    needs = f"`{access}`" if isinstance(access, Permission) else _ACCESS[access]
    by_key = access is not Access.SESSION and access not in NOT_FOR_KEYS
    return (
        operation.name,
        f"`{operation.method} /{operation.route}`",
        needs,
        "yes" if by_key else "",
        *("yes" if _may(role, access) else "" for role in Role),
    )


def _may(role: Role, access: Permission | Access) -> bool:
    return isinstance(access, Access) or access in PERMISSIONS[role]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def write(path: Path = DOCUMENT) -> None:
    path.write_text(document())


if __name__ == "__main__":
    write()
