"""The kinds of upload: one declarative module each."""

from shared.domain.kinds import products_frame, products_lens, receipts, stores, transaction_status, users
from shared.domain.kinds.kind import Kind
from shared.domain.uploads import UploadKind

KINDS: dict[UploadKind, Kind] = {
    UploadKind(module.KIND.name): module.KIND
    for module in (products_lens, products_frame, stores, users, transaction_status, receipts)
}
