"""Nasty files: every one comes to exactly what is written beside it."""

import psycopg
import pytest

from shared.domain.uploads import Rows, UploadStatus
from tests.jobs.conftest import Client
from tests.jobs.nasty import NASTY, Nasty


def test_there_are_enough_of_them_and_no_two_alike() -> None:
    assert len(NASTY) >= 60
    assert len({each.name for each in NASTY}) == len({each.content for each in NASTY}) == len(NASTY)


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: nasty.name)
def test_a_nasty_file(client: Client, conn: psycopg.Connection, nasty: Nasty) -> None:
    upload = client.send("products_lens", nasty.content)
    assert upload.reason_code == nasty.reason
    if nasty.reason is not None:
        assert (upload.status, upload.rows) == (UploadStatus.FAILED, Rows())
        assert upload.reason
    else:
        bad = len({line for line, _ in nasty.errors})
        assert upload.status is UploadStatus.COMPLETED
        assert upload.rows == Rows(read=nasty.taken + bad, inserted=nasty.taken, rejected=bad)
        assert [(error.line, error.code) for error in upload.errors] == list(nasty.errors)
    assert [warned.code for warned in upload.warnings] == (["encoding"] if nasty.warned else [])
    stored = conn.execute("SELECT sku, attributes ->> 'Note' FROM products ORDER BY sku").fetchall()
    assert len(stored) == nasty.taken
    if nasty.attribute is not None:
        assert stored[0] == ("A", nasty.attribute)
