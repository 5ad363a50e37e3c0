"""REMEMBERS: one function per SQL statement. `Conn` is the connection every function takes first."""

from typing import Any

import psycopg

type Conn = psycopg.Connection[Any]
