"""The floor of a read: a bare Falcon route that reads one row by psycopg, under the same server."""

import json
import os
import threading
from typing import Any

import falcon
import psycopg

_held = threading.local()


class _Row:
    def on_get(self, req: falcon.Request, resp: falcon.Response, number: int) -> None:
        connection = getattr(_held, "connection", None)
        if connection is None:
            connection = _held.connection = psycopg.connect(os.environ["ROOST_DATABASE_URL"], autocommit=True)
        row = connection.execute("SELECT id, name, balance FROM bench_row WHERE id = %s", (number,)).fetchone()
        resp.content_type = "application/json"
        resp.data = json.dumps({"id": row[0], "name": row[1], "balance": row[2]}).encode()


class _Health:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = 204


def build() -> Any:
    """Return the application."""
    app = falcon.App()
    app.add_route("/row/{number:int}", _Row())
    app.add_route("/healthz", _Health())
    return app
