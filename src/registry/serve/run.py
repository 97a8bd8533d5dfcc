"""Running an ASGI application on a socket, until it is told to end.

The core knows nothing of it: it is the rim, for the command line and for tests.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import sleep
from typing import Any

import uvicorn

from ...errors import Unavailable
from .impatient import ImpatientProtocol

__all__ = ["listen", "serve", "serving", "told_to_end"]


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket (port 0: any that is free), or raise `serve.address`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(512)
    except OSError as error:
        bound.close()
        raise Unavailable("serve.address", host=host, port=port, problem=error.strerror) from error
    return bound


def serve(app: Any, bound: socket.socket) -> None:
    """Serve `app` on a bound socket until SIGINT or SIGTERM; requests that are under way are finished."""
    _server(app).run(sockets=[bound])


@contextmanager
def serving(app: Any, bound: socket.socket) -> Iterator[str]:
    """Serve `app` in a thread, and yield its URL; for programs that do more besides."""
    server = _server(app)
    thread = Thread(target=server.run, kwargs={"sockets": [bound]}, name="http", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            sleep(0.005)
        host, port = bound.getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def told_to_end() -> Iterator[Event]:
    """Yield what is set by SIGINT or SIGTERM, so that a step under way is finished; in the main thread."""
    stop = Event()
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,  # who asks for what is nobody's business
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
            limit_concurrency=1000,
        )
    )
