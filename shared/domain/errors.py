"""The one tree of things that can go wrong for a caller.

    PromoPartnerError
    ├── NotFound     the thing named is not there, or not for this caller
    ├── Conflict     the thing is there, in a state that forbids this
    ├── Refused      the request is well formed and means something not allowed
    ├── Forbidden    this caller may not
    └── Unavailable  something this stands on is away; the same request may succeed later

A leaf is named for the broken rule. Its docstring is the message, formatted with the values it carries;
`code` is stable and documented; `pointer` is the JSON pointer of the place in the request, if there is one.
"""

from typing import ClassVar


class PromoPartnerError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, *, pointer: str | None = None, **values: object) -> None:
        super().__init__((type(self).__doc__ or "").format(**values))
        self.pointer = pointer
        self.values = values


class NotFound(PromoPartnerError):
    """There is no such thing."""

    code = "not_found"


class Conflict(PromoPartnerError):
    """The present state forbids this."""

    code = "conflict"


class Refused(PromoPartnerError):
    """The request is not allowed."""

    code = "refused"


class Forbidden(PromoPartnerError):
    """You may not do this."""

    code = "forbidden"


class Unavailable(PromoPartnerError):
    """Something this depends on does not answer; try again in a moment."""

    code = "unavailable"
