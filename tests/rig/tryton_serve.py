"""Serve one Tryton database: Tryton's own WSGI application behind waitress.

Runs in Tryton's own Python environment: `python tryton_serve.py CONFIG DATABASE PORT`. Tryton's
own server is werkzeug's development server, which closes the connection after each answer.

On PostgreSQL Tryton keeps its connections to the database in a pool; on SQLite it opens the file
anew three times for each request, and reads the whole schema each time. So that the demo's
SQLite answers as a real installation does, the connections are kept here as well, per thread.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import Any

THREADS = 4
"""Requests at once: as many as the calls of the benchmark. More would only share one core."""


def keep_connections() -> None:
    """Make Tryton's SQLite back end use a thread's idle connection again."""
    database_class = importlib.import_module("trytond.backend.sqlite.database").Database
    idle = threading.local()
    connect = database_class.connect
    put_connection = database_class.put_connection

    def connect_again(database: Any) -> Any:
        kept = vars(idle).get(database.name)
        if database._conn is None and kept:
            database._conn = kept.pop()
        return connect(database)

    def put_back(database: Any, connection: Any = None) -> None:
        put_connection(database, connection)
        if connection is not None:
            vars(idle).setdefault(database.name, []).append(connection)
            database._conn = None

    database_class.connect = connect_again
    database_class.put_connection = put_back


def main(config_file: str, database: str, port: str) -> None:
    """Load the database's modules, then serve until the process is ended."""
    os.environ["TRYTOND_CONFIG"] = config_file
    os.environ["TRYTOND_DATABASE_NAMES"] = database
    application = importlib.import_module("trytond.application").app
    keep_connections()
    waitress = importlib.import_module("waitress")
    waitress.serve(application, listen=f"127.0.0.1:{port}", threads=THREADS)


if __name__ == "__main__":
    main(*sys.argv[1:])
