"""Problems: how an error is told to a caller (RFC 9457), and the one table of statuses."""

from dataclasses import dataclass, field

from shared.domain.errors import (
    Conflict,
    Forbidden,
    NotFound,
    PromoPartnerError,
    Refused,
    Unavailable,
)
from shared.domain.rates import RateLimited
from shared.domain.transactions import IdempotencyKeyMissing


class Unauthenticated(Forbidden):
    """Sign in first: send an access token as `Authorization: Bearer …`, or an API key as `X-Api-Key`."""

    code = "token_missing"


class TokenInvalid(Unauthenticated):
    """The access token is not one of ours."""

    code = "token_invalid"


class TokenExpired(Unauthenticated):
    """The access token has expired; sign in again."""

    code = "token_expired"


class SessionEnded(Unauthenticated):
    """The session of this token is over; sign in again."""

    code = "session_ended"


class RefreshRefused(Unauthenticated):
    """The refresh token is not good, or not any more; sign in again."""

    code = "refresh_refused"


class ApiKeyInvalid(Unauthenticated):
    """The API key is not one of ours, or not any more."""

    code = "api_key_invalid"


class PermissionMissing(Forbidden):
    """This needs the permission {permission}."""

    code = "permission_missing"


class MalformedJson(Refused):
    """The body is not JSON: {detail}."""

    code = "malformed_json"


class BodyMissing(Refused):
    """A JSON body is needed, sent with a Content-Length."""

    code = "body_missing"


class BodyTooLarge(Refused):
    """The body is larger than {limit} bytes."""

    code = "body_too_large"


class UnsupportedMediaType(Refused):
    """The body must be application/json."""

    code = "unsupported_media_type"


class PreconditionRequired(Refused):
    """Send If-Match with the ETag of what you read, so that nobody's change is lost."""

    code = "precondition_required"


class PreconditionFailed(Conflict):
    """It has changed since you read it; read it again."""

    code = "precondition_failed"


class SessionNeeded(Forbidden):
    """This is for somebody who has signed in, not for an API key."""

    code = "session_needed"


class InternalError(PromoPartnerError):
    """Something went wrong on our side; the request id finds it in the log."""

    code = "internal_error"


@dataclass(frozen=True, slots=True)
class Place:
    """One place in the request and what is wrong there; `pointer` is a JSON pointer (RFC 6901)."""

    source: str
    pointer: str
    code: str
    detail: str


class ValidationFailed(Refused):
    """The request is not of the documented shape."""

    code = "validation_failed"

    def __init__(self, places: tuple[Place, ...]) -> None:
        super().__init__()
        self.places = places


# The nearest class up the tree decides.
STATUS: dict[type[PromoPartnerError], int] = {
    PromoPartnerError: 500,
    NotFound: 404,
    Conflict: 409,
    Refused: 422,
    Forbidden: 403,
    Unavailable: 503,
    Unauthenticated: 401,
    IdempotencyKeyMissing: 400,
    MalformedJson: 400,
    BodyMissing: 400,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    PreconditionFailed: 412,
    PreconditionRequired: 428,
    RateLimited: 429,
}

_TITLES = {
    400: "Malformed request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Refused",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """The body of every reply that is an error, sent as application/problem+json."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[Place] = field(default_factory=list[Place])


def status_of(error: type[PromoPartnerError]) -> int:
    return next(STATUS[cls] for cls in error.__mro__ if cls in STATUS)


def problem_of(error: PromoPartnerError, request_id: str) -> Problem:
    """What to tell the caller of `error`."""
    status = status_of(type(error))
    places: list[Place] = []
    if isinstance(error, ValidationFailed):
        places = list(error.places)
    elif error.pointer is not None:
        places = [Place("body", error.pointer, error.code, str(error))]
    return Problem(
        type=f"urn:promopartner:problem:{error.code}",
        title=_TITLES[status],
        status=status,
        code=error.code,
        detail=str(error),
        request_id=request_id,
        errors=places,
    )
