"""What follows rows that an upload changed, in the transaction that changed them."""

from datetime import datetime

from shared.actions import groups
from shared.domain.audit import Action, Subject
from shared.domain.groups import Subject as GroupSubject
from shared.domain.jobs import Wake
from shared.domain.kinds import KINDS
from shared.domain.kinds.kind import Target
from shared.domain.uploads import Rows, Upload
from shared.jobs import reconciliations
from shared.store import Conn, audit

_GROUPS_OF = {Target.PRODUCTS: GroupSubject.PRODUCT, Target.STORES: GroupSubject.STORE}


def follow(conn: Conn, now: datetime, upload: Upload, rows: Rows) -> list[Wake]:
    """Find anew who belongs to the groups in use, reconcile receipts, and tell of the upload.

    Nothing of it when the upload changed nothing. Returns who is to be woken after the commit. The last thing
    of its transaction: nothing is published until that is over.
    """
    if not rows.inserted + rows.updated:
        return []
    subject = _GROUPS_OF.get(KINDS[upload.kind].target)
    changes = [] if subject is None else groups.reresolve(conn, now, subject, upload.id)
    audit.insert(
        conn,
        now=now,
        by=None,
        action=Action.UPLOAD_APPLIED,
        subject=Subject.UPLOAD,
        subject_id=upload.id,
        before=None,
        after={
            "kind": upload.kind,
            "inserted": rows.inserted,
            "updated": rows.updated,
            "groups": [
                {"group_id": each.group_id, "joined": each.joined, "left": each.left} for each in changes
            ],
        },
    )
    if KINDS[upload.kind].target is not Target.RECEIPTS:
        return []
    return reconciliations.begin_for_upload(conn, now, upload_id=upload.id, retailer_id=upload.retailer_id)
