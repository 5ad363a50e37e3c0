"""The mark that stands wherever a sale has something of its own."""

# Whoever sends the request or runs the statement puts another text of the same length there each time.
UNIQUE = "00000000-0000-4000-8000-000000000000"
