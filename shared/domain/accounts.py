"""Accounts: users as administrators keep them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.users import WORK_IN_STORES, Role


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What an administrator says of a user: `phone` in E.164 form, `email` in lower case."""

    name: str
    role: Role
    phone: str | None
    email: str | None
    store_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    name: str
    role: Role
    phone: str | None
    email: str | None
    store_ids: tuple[str, ...]
    active: bool
    created_at: datetime

    @property
    def terms(self) -> AccountTerms:
        return AccountTerms(self.name, self.role, self.phone, self.email, self.store_ids)

    @property
    def told(self) -> Mapping[str, Any]:
        """What the audit says of it: nothing that names a person."""
        return {"role": self.role, "store_ids": self.store_ids, "active": self.active}


class AccountNotFound(NotFound):
    """There is no such user."""

    code: ClassVar[str] = "user_not_found"


class PhoneTaken(Conflict):
    """Another user has this phone number."""

    code: ClassVar[str] = "phone_taken"


class EmailTaken(Conflict):
    """Another user has this e-mail address."""

    code: ClassVar[str] = "email_taken"


class UserUnreachable(Refused):
    """A user needs a phone number or an e-mail address to sign in."""

    code: ClassVar[str] = "user_unreachable"


class StoreMissing(Refused):
    """A user with the role {role} needs a store to work in."""

    code: ClassVar[str] = "store_missing"


class MappedStoreUnknown(Refused):
    """There is no store {store_id}."""

    code: ClassVar[str] = "store_unknown"


class OwnAccount(Conflict):
    """Nobody can take their own access away; ask another administrator."""

    code: ClassVar[str] = "own_account"


def assess(terms: AccountTerms) -> None:
    """Raises UserUnreachable, or StoreMissing for a role that works in stores."""
    if terms.phone is None and terms.email is None:
        raise UserUnreachable
    if terms.role in WORK_IN_STORES and not terms.store_ids:
        raise StoreMissing(role=terms.role.value, pointer="/store_ids")
