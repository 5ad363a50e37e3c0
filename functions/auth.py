"""Signing in: a one-time password by text message or e-mail, then tokens for as long as the session lasts."""

import logging
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
from shared.actions import sessions
from shared.domain.audit import By
from shared.domain.errors import Forbidden, NotFound
from shared.domain.otp import DIGITS, Channel, CodeRefused
from shared.domain.sessions import EndedFor, Session, token_of
from shared.domain.users import Caller, Challenge, Permission, User
from shared.edge import callers, signing_keys, tokens
from shared.edge.http import endpoint
from shared.edge.operations import Access, Reply, Request
from shared.edge.problems import RefreshRefused, SessionNeeded
from shared.edge.signing_keys import Jwk
from shared.jobs import outbox
from shared.settings import settings
from shared.store import users

bp = func.Blueprint()

_log = logging.getLogger(__name__)


class UserGone(NotFound):
    """The user of this token is not active any more."""

    code = "user_gone"


class StoreOutOfReach(Forbidden):
    """You do not work in a store {store_id}."""

    code = "store_out_of_reach"


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


class RefreshRequest(Request):
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StoreRequest(Request):
    store_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """`expires_in` is seconds, `store_id` the store that the token is made out for."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int = int(tokens.LIFETIME.total_seconds())
    store_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(AccessToken):
    refresh_token: str
    user: User


@dataclass(frozen=True, slots=True)
class Jwks:
    keys: tuple[Jwk, ...]


@dataclass(frozen=True, slots=True)
class SignedOut:
    ended: Literal[True] = True


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
def issue_token(body: TokenRequest, now: datetime, request_id: str) -> SignedIn:
    """Exchange the code for an access token of ten minutes, made out for the user's first store.

    The refresh token is good for a week, and each that follows it; together they last 30 days.
    """
    with pool.connection() as conn:
        user = actions.redeem(
            conn, now, challenge_id=body.challenge_id, code=body.code, pepper=settings().otp_pepper
        )
    token = token_of(secrets.token_urlsafe(32))
    with pool.transaction() as conn:
        session = sessions.begin(
            conn, now, user_id=user.id, session_id=uuid4(), token=token, request_id=request_id
        )
    if session is None:
        raise CodeRefused
    return _signed_in(session, token, now)


@endpoint(bp, "POST", "auth/refresh", access=Access.OPEN, raises=(RefreshRefused,))
def refresh_token(body: RefreshRequest, now: datetime) -> SignedIn:
    """Exchange a refresh token for an access token and the next refresh token.

    The same request within 20 seconds is answered with the same next token, for two tabs and for replies that
    were lost. Later it means that somebody else has the token too: the session ends, with all its tokens.
    """
    with pool.transaction() as conn:
        renewed = sessions.renew(
            conn, now, token=body.refresh_token, successor=token_of(secrets.token_urlsafe(32))
        )
    if isinstance(renewed, sessions.Stolen):
        callers.forget()
        _log.warning("session %s ended: a refresh token of it came back after its time", renewed.session_id)
    if not isinstance(renewed, sessions.Renewed):
        raise RefreshRefused
    return _signed_in(renewed.session, renewed.refresh_token, now)


@endpoint(bp, "POST", "auth/logout", access=Access.SESSION)
def sign_out(caller: Caller, by: By, now: datetime) -> SignedOut:
    """End the session: its refresh tokens at once, its access tokens within a second."""
    with pool.transaction() as conn:
        sessions.end(conn, now, session_id=_session_of(caller), why=EndedFor.LOGOUT, by=by)
    callers.forget()
    return SignedOut()


@endpoint(bp, "POST", "auth/store", access=Permission.STORES_SWITCH, raises=(SessionNeeded, StoreOutOfReach))
def switch_store(caller: Caller, body: StoreRequest, now: datetime) -> AccessToken:
    """An access token for another store: one of yours or, for who looks after several, one below.

    It stays chosen when the token is refreshed, for as long as you may work there.
    """
    with pool.connection() as conn:
        session = sessions.choose_store(conn, session_id=_session_of(caller), store_id=body.store_id)
    if session is None:
        raise StoreOutOfReach(pointer="/store_id", store_id=body.store_id)
    return AccessToken(access_token=tokens.issue(session.caller, now), store_id=session.store_id)


@endpoint(bp, "GET", "auth/jwks.json", access=Access.OPEN)
def get_jwks() -> Reply[Jwks]:
    """The public keys of access tokens (RFC 7517), those that will sign soon included."""
    keys = tuple(key.jwk for key in signing_keys.ring())
    return Reply(Jwks(keys), headers=(("Cache-Control", "public, max-age=300"),))


@endpoint(bp, "GET", "me", access=Access.SIGNED_IN, raises=(UserGone,))
def get_me(caller: Caller) -> User:
    """Who you are."""
    with pool.connection() as conn:
        user = users.get(conn, caller.user_id)
    if user is None:
        raise UserGone
    return user


def _signed_in(session: Session, token: str, now: datetime) -> SignedIn:
    return SignedIn(
        access_token=tokens.issue(session.caller, now),
        store_id=session.store_id,
        refresh_token=token,
        user=session.user,
    )


def _session_of(caller: Caller) -> UUID:
    if caller.session_id is None:
        raise SessionNeeded
    return caller.session_id
