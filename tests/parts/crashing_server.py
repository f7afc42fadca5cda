"""The auth server with a route that falls over with everything in hand; a program that test_no_leaks runs.

What it is given is what `sekisho serve` is given, and it offers a setup code as that does. The route reads
whatever the request carried, keeps the keys of the server in its locals, and raises an exception whose
message, cause and locals hold all of it.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import NoReturn

from starlette.requests import Request
from starlette.routing import Route

from sekisho.adapters import system
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.settings_file import load_settings
from sekisho.cli.first_run import FirstRun
from sekisho.cli.http_server import SIGNALS, run, serve_http
from sekisho.compose import create_app, standard_features
from sekisho.feature import Feature
from sekisho.web import logs


@cache
def _read(setting: str) -> Secret:
    return Secrets(sources(os.environ)).read(os.environ[setting], setting=setting)


async def crash(request: Request) -> NoReturn:
    """Fall over with secrets in the message, in the cause and in the locals."""
    carried = [*map(str, request.headers.values()), str(request.url), await request.body()]
    signing, root = _read("SEKISHO_SIGNING_KEY"), _read("SEKISHO_ROOT_SECRET").reveal()
    try:
        int(f"{root!r} {carried!r}")
    except ValueError as cause:
        raise RuntimeError(signing, root, carried, f"{carried} {root!r}") from cause
    raise AssertionError


def main() -> None:
    """Serve on a port of the system's choice; say the URL on stdout."""
    settings = load_settings(os.environ)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    routes = tuple(Route("/crash", crash, methods=[method]) for method in ("GET", "POST"))

    async def opened() -> None:
        features = standard_features(settings, clock=system.clock)
        app = create_app(settings, features=[*features, Feature(name="crash", routes=routes)])
        await app.open()
        await FirstRun(settings, os.environ).offer()
        try:
            await serve_http(
                app,
                [listening],
                lifespan="off",
                ready=lambda: print(url, flush=True),  # noqa: T201 -- whoever started it waits for this
                signals=SIGNALS,
            )
        finally:
            await app.close()

    logs.configure(settings.log_format)
    run(opened())


if __name__ == "__main__":
    main()
