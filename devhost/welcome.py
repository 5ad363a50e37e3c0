"""What a local run tells its user once it is ready."""

from devhost.addresses import Addresses
from devhost.services.postgres import bin_folder

SAMPLE_USERS = {"admin": "+390600000001", "store_user": "+390600000002", "back_office": "+390600000003"}
SHELL_FUNCTIONS = r"""
  Sign in, in a POSIX shell with curl:
field() { sed "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/"; }
post() { curl -s "$API/$1" -H 'Content-Type: application/json' -d "$2"; }
sign_in() {
  CHALLENGE=$(post auth/otp "{\"phone\": \"$1\"}" | field challenge_id)
  sleep 1
  CODE=$(curl -s "$SMS?to=$1" | grep -o '"[0-9]\{6\}"' | tail -n 1 | tr -d '"')
  TOKEN=$(post auth/token "{\"challenge_id\": \"$CHALLENGE\", \"code\": \"$CODE\"}" | field access_token)
}"""


def text(addresses: Addresses, *, database_url: str, storage: str) -> str:
    """Addresses, and for each role the commands that sign in, ready to paste."""
    api, sms = f"{addresses.api}/api/v1", f"{addresses.msg91}/messages"
    return "\n".join(
        [
            "",
            f"  API              {api}",
            f"  API page         {api}/docs",
            f"  OpenAPI          {api}/openapi.json",
            f"  SMS received     {sms}",
            f"  Blob storage     {_blob_endpoint(storage)}",
            f"  Database         {bin_folder()}/psql '{database_url}'",
            SHELL_FUNCTIONS,
            f"API={api} SMS={sms}",
            *(
                f'sign_in {phone}; curl -s $API/me -H "Authorization: Bearer $TOKEN"    # {role}'
                for role, phone in SAMPLE_USERS.items()
            ),
        ]
    )


def _blob_endpoint(connection_string: str) -> str:
    parts = {name: value for name, _, value in (part.partition("=") for part in connection_string.split(";"))}
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    return parts.get("BlobEndpoint") or f"https://{parts['AccountName']}.blob.{suffix}"
