"""Fields: shapes of values that several endpoints take."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

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
