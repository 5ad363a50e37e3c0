"""Uploads: the name of the blob leads back to the upload, and nothing else does."""

from uuid import UUID

import pytest

from shared.domain.kinds import KINDS
from shared.domain.uploads import UploadKind, blob_name, upload_id_of

ID = UUID("0192f0c1-0000-7000-8000-00000000abcd")


@pytest.mark.parametrize("kind", UploadKind)
def test_there_and_back(kind: UploadKind) -> None:
    assert upload_id_of(blob_name(kind, ID)) == ID


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x.csv",
        f"{ID}.csv",
        f"stores/{ID}",
        f"stores/{ID}.CSV",
        f"a/{ID}.csv",
        f"a/stores/{ID}.csv",
        f"stores/{ID}.csv.csv",
        f"stores/{ID.hex}.csv",
        f"stores/{str(ID).upper()}.csv",
    ],
)
def test_names_never_given_out(name: str) -> None:
    assert upload_id_of(name) is None


def test_every_kind_is_declared() -> None:
    assert set(KINDS) == set(UploadKind)
