"""The function app: every area's blueprint, registered."""

import azure.functions as func

import functions

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for blueprint in functions.blueprints():
    app.register_functions(blueprint)
