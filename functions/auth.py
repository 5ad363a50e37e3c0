"""Signing in: a one-time password by text message or e-mail, then tokens for as long as the session lasts."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid4

import azure.functions as func
from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.actions import otp as actions
from shared.actions import sessions
from shared.actions.otp import Secret
from shared.domain import otp
from shared.domain.audit import By
from shared.domain.customers import phone_hash
from shared.domain.errors import Forbidden, NotFound
from shared.domain.otp import (
    DIGITS,
    Challenge,
    Channel,
    CodeRefused,
    OtpStopped,
    OtpTooMany,
    OtpTooSoon,
    Purpose,
    Wish,
)
from shared.domain.rates import Rate
from shared.domain.sessions import EndedFor, Session, token_of
from shared.domain.users import Caller, Permission, User
from shared.edge import callers, phones, signing_keys, tokens
from shared.edge.fields import Email, Phone
from shared.edge.http import endpoint
from shared.edge.operations import Access, Reply, Request
from shared.edge.problems import PermissionMissing, RefreshRefused, SessionNeeded, Unauthenticated
from shared.edge.signing_keys import Jwk
from shared.jobs import codes, outbox
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


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class OtpRequest(Request):
    """Exactly one of phone and e-mail."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["phone"]}, {"required": ["email"]}]},
    )

    # Empty is not sent: None would be a value that a client may send.
    phone: Phone = Field(
        default="",
        description="In international form.",
        examples=["+390600000001"],
        json_schema_extra=_without_default,
    )
    email: Email = Field(
        default="",
        description="Upper and lower case are one, spaces around it nothing.",
        examples=["admin@sample.example"],
        json_schema_extra=_without_default,
    )
    purpose: Purpose = Field(
        default=Purpose.SIGN_IN,
        description=(
            "`sign_in`; `redemption`, a customer's yes to a promotion at the till, by the phone number that "
            "the sale names, asked for by who may evaluate baskets; `step_up`, one's own yes to an act of "
            "weight."
        ),
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set & {"phone", "email"}) != 1:
            raise PydanticCustomError("exactly_one", "Give exactly one of phone and email")
        return self

    @property
    def address(self) -> tuple[Channel, str]:
        return (Channel.SMS, self.phone) if self.phone else (Channel.EMAIL, self.email)


class TokenRequest(Request):
    challenge_id: UUID
    code: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{DIGITS}}}$")] = Field(examples=["123456"])


class RefreshRequest(Request):
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


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


@endpoint(
    bp,
    "POST",
    "auth/otp",
    access=Access.OPTIONAL,
    status=202,
    raises=(
        OtpTooSoon,
        OtpTooMany,
        OtpStopped,
        phones.PhoneInvalid,
        phones.PhoneUnreachable,
        phones.CountryNotServed,
        PermissionMissing,
    ),
    rate=Rate.OTP,
)
def request_otp(body: OtpRequest, caller: Caller | None, now: datetime, address: str | None) -> Challenge:
    """Ask for a one-time password, which comes by text message and by e-mail where both are known.

    The answer is the same for an address nobody has. A new code takes the place of the one before.
    """
    if settings().otp_stopped:
        raise OtpStopped
    channel, to = _reachable(body)
    asked_by = _asks(body.purpose, caller)
    pepper = settings().otp_pepper
    challenge_id, message_id = uuid4(), uuid4()
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    recipient = otp.address_digest(to, pepper)
    source = address if asked_by is None else str(asked_by)
    with pool.transaction() as conn:
        challenge = actions.request(
            conn,
            now,
            Wish(
                challenge_id=challenge_id,
                purpose=body.purpose,
                recipient=recipient,
                source=None if source is None else otp.address_digest(source, pepper),
                asked_by=asked_by,
                phone_hash=_customer(body.purpose, channel, to),
            ),
            digest=otp.digest(code, challenge_id, body.purpose, recipient, pepper),
            sealed=codes.sealed(message_id, Secret(challenge_id, body.purpose, channel, to, code, asked_by)),
            message_id=message_id,
            caps=codes.caps(),
        )
    outbox.nudge()
    return challenge


@endpoint(bp, "POST", "auth/token", access=Access.OPEN, raises=(CodeRefused,), rate=Rate.CODE)
def issue_token(body: TokenRequest, now: datetime, request_id: str) -> SignedIn:
    """Exchange the code for an access token of ten minutes, made out for the user's first store.

    The refresh token is good for a week, and each that follows it; together they last 30 days.
    """
    with pool.connection() as conn:
        user = actions.redeem(
            conn,
            now,
            challenge_id=body.challenge_id,
            code=body.code,
            pepper=settings().otp_pepper,
            caps=codes.caps(),
        )
    token = token_of(secrets.token_urlsafe(32))
    with pool.transaction() as conn:
        session = sessions.begin(
            conn, now, user_id=user.id, session_id=uuid4(), token=token, request_id=request_id
        )
    if session is None:
        raise CodeRefused
    return _signed_in(session, token, now)


@endpoint(bp, "POST", "auth/refresh", access=Access.OPEN, raises=(RefreshRefused,), rate=Rate.CODE)
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
def switch_store(caller: Caller, by: By, body: StoreRequest, now: datetime) -> AccessToken:
    """An access token for another store: one of yours or, for who looks after several, one below.

    It stays chosen when the token is refreshed, for as long as you may work there.
    """
    with pool.transaction() as conn:
        session = sessions.choose_store(
            conn, now, session_id=_session_of(caller), store_id=body.store_id, by=by
        )
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


def _reachable(body: OtpRequest) -> tuple[Channel, str]:
    """The address a code can be sent to; what is refused here depends on the number alone, never on users."""
    channel, to = body.address
    if channel is Channel.SMS:
        to = phones.normalise(to)
        phones.check_reachable(to, settings().otp_countries)
    return channel, to


def _asks(purpose: Purpose, caller: Caller | None) -> UUID | None:
    """Who asks, where that matters: anybody may ask to sign in."""
    if purpose is Purpose.SIGN_IN:
        return None
    if caller is None:
        raise Unauthenticated
    if purpose is Purpose.REDEMPTION and not caller.may(Permission.BASKETS_EVALUATE):
        raise PermissionMissing(permission=Permission.BASKETS_EVALUATE.value)
    return caller.user_id


def _customer(purpose: Purpose, channel: Channel, to: str) -> bytes | None:
    """What a sale knows the customer by who is asked for a yes."""
    if purpose is not Purpose.REDEMPTION or channel is not Channel.SMS:
        return None
    return phone_hash(to, settings().customer_pepper)


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
