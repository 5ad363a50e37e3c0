"""The function app: every area's blueprint, registered."""

import gc

import azure.functions as func

import functions

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for blueprint in functions.blueprints():
    app.register_functions(blueprint)

# What was imported is there for good: no collection has to go through it again.
gc.freeze()
