"""Signing in: a one-time password by text message or e-mail, then an access token."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid4

import azure.functions as func
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.actions import otp as actions
from shared.domain.errors import NotFound
from shared.domain.otp import DIGITS, Channel, CodeRefused
from shared.domain.users import Caller, Challenge, User
from shared.edge import tokens
from shared.edge.http import endpoint
from shared.edge.operations import Access, Request
from shared.jobs import outbox
from shared.settings import settings
from shared.store import users

bp = func.Blueprint()


class UserGone(NotFound):
    """The user of this token is not active any more."""

    code = "user_gone"


type Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
# What browsers take for an address, with a dot in the domain; 254 is what SMTP carries.
type Email = Annotated[
    str,
    StringConstraints(
        max_length=254,
        pattern=(
            r"^ *[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
            r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
            r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+ *$"
        ),
    ),
    AfterValidator(lambda text: text.strip(" ").lower()),
]


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class OtpRequest(Request):
    """Exactly one of them."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["phone"]}, {"required": ["email"]}]},
    )

    # Empty is not sent: None would be a value that a client may send.
    phone: Phone = Field(
        default="",
        description="In E.164 form.",
        examples=["+390600000001"],
        json_schema_extra=_without_default,
    )
    email: Email = Field(
        default="",
        description="Upper and lower case are one, spaces around it nothing.",
        examples=["admin@sample.example"],
        json_schema_extra=_without_default,
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("exactly_one", "Give exactly one of phone and email")
        return self

    @property
    def address(self) -> tuple[Channel, str]:
        return (Channel.SMS, self.phone) if self.phone else (Channel.EMAIL, self.email)


class TokenRequest(Request):
    challenge_id: UUID
    code: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{DIGITS}}}$")] = Field(examples=["123456"])


@dataclass(frozen=True, slots=True)
class AccessToken:
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    user: User


@endpoint(bp, "POST", "auth/otp", access=Access.OPEN, status=202)
def request_otp(body: OtpRequest, now: datetime) -> Challenge:
    """Ask for a one-time password by text message or e-mail.

    The answer is the same for an address nobody has.
    """
    channel, to = body.address
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    with pool.connection() as conn:
        challenge = actions.request(
            conn,
            now,
            channel=channel,
            to=to,
            challenge_id=uuid4(),
            code=code,
            pepper=settings().otp_pepper,
        )
    outbox.nudge()
    return challenge


@endpoint(bp, "POST", "auth/token", access=Access.OPEN, raises=(CodeRefused,))
def issue_token(body: TokenRequest, now: datetime) -> AccessToken:
    """Exchange the code for an access token of ten minutes, made out for the user's first store."""
    with pool.connection() as conn:
        user = actions.redeem(
            conn, now, challenge_id=body.challenge_id, code=body.code, pepper=settings().otp_pepper
        )
    caller = Caller(user.id, user.role, user.store_ids[0] if user.store_ids else None)
    return AccessToken(
        access_token=tokens.issue(caller, now),
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=int(tokens.LIFETIME.total_seconds()),
        user=user,
    )


@endpoint(bp, "GET", "me", access=Access.SIGNED_IN, raises=(UserGone,))
def get_me(caller: Caller) -> User:
    """Who you are."""
    with pool.connection() as conn:
        user = users.get(conn, caller.user_id)
    if user is None:
        raise UserGone
    return user
