"""Uploads: the name of the blob leads back to the upload, and nothing else does."""

from uuid import UUID

import pytest

from shared.domain.kinds import KINDS
from shared.domain.uploads import UploadKind, blob_name, upload_id_of

ID = UUID("0192f0c1-0000-7000-8000-00000000abcd")


def test_there_and_back() -> None:
    assert upload_id_of(blob_name(ID)) == ID


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x.csv",
        f"{ID}",
        f"{ID}.CSV",
        f"a/{ID}.csv",
        f"{ID}.csv.csv",
        f"{ID.hex}.csv",
        f"{str(ID).upper()}.csv",
    ],
)
def test_names_never_given_out(name: str) -> None:
    assert upload_id_of(name) is None


def test_every_kind_is_declared() -> None:
    assert set(KINDS) == set(UploadKind)
