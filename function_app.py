"""The function app: every area's blueprint, registered."""

import azure.functions as func

from functions import (
    api_keys,
    auth,
    backtests,
    catalogue,
    groups,
    ingest,
    jobs,
    lanes,
    operations,
    promotions,
    timers,
    transactions,
    uploads,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for area in (
    api_keys,
    auth,
    backtests,
    catalogue,
    groups,
    ingest,
    jobs,
    lanes,
    operations,
    promotions,
    timers,
    transactions,
    uploads,
):
    app.register_functions(area.bp)
