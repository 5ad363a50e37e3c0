"""Blob events: which blob a trigger is about, named by the host and reached when it is asked for.

The binding of Azure's own package would do, at the price of importing the whole storage SDK into every
process before its first answer.
"""

import json
from typing import TYPE_CHECKING, Any, override

from azurefunctions.extensions.base import Datum, InConverter, OutConverter, SdkType

from shared.edge import storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient


class BlobEvent(SdkType):
    """The blob of an event: the host sends its name, not its bytes."""

    def __init__(self, *, data: Any) -> None:
        super().__init__(data=data)
        told = json.loads(data.content)
        self.container: str = told["ContainerName"]
        self.name: str = told["BlobName"]

    @property
    def client(self) -> "BlobClient":
        """The blob in the account of the uploads, which is where all events come from.

        Nobody waits for what an event begins: a storage that does not answer at once is asked again.
        """
        return storage.service(patient=True).get_blob_client(self.container, self.name)


class _Converter(InConverter, OutConverter, binding="blob", trigger="blobTrigger"):
    """What the runtime asks at a parameter that a blob is bound to."""

    @classmethod
    @override
    def check_input_type_annotation(cls, pytype: type) -> bool:
        return issubclass(pytype, BlobEvent)

    @classmethod
    @override
    def decode(cls, data: Datum, *, trigger_metadata: Any, pytype: type | None = None) -> BlobEvent:
        if data.type != "model_binding_data":
            raise ValueError(f"the name of a blob was expected, not {data.type}")
        return BlobEvent(data=data.value)
