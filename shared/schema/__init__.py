"""The schema: migrations, views, and the command that applies them."""
