"""schemathesis reads the document and looks for what the server does otherwise, over a real connection."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from tests.web.browser import Browser
from tests.web.served import Server, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

ST = Path(sys.executable).with_name("st")

# `positive_data_acceptance` holds that what fits the schema is accepted; a password may fit and be common.
EXCLUDED = "positive_data_acceptance"


@asynccontextmanager
async def listening(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve over that socket as `sekisho serve` does."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve([listener]))
    with listener:
        yield
        running.should_exit = True
        await task


def as_a_browser(app: ASGIApp, headers: Mapping[str, str]) -> ASGIApp:
    """Puts these headers in the place of those of their names; an empty one is left off."""

    async def added(scope: Scope, receive: Receive, send: Send) -> None:
        own = [(name.encode(), value.encode()) for name, value in headers.items() if value]
        kept = [pair for pair in scope.get("headers", ()) if pair[0].decode() not in headers]
        await app({**scope, "headers": [*kept, *own]}, receive, send)

    return added


@pytest.mark.long
@pytest.mark.parametrize("who", ["somebody", "a browser", "nobody"])
async def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path, who: str) -> None:
    """No 5xx, no undocumented status, type, header or member, no method or credential taken for another.

    Once with an access token, which logging out would end, once with a cookie and its CSRF token, which an
    exchange would end as well, and once without any.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    cookie: dict[str, str] = {}
    async with server(issuer=issuer) as served, listening(as_a_browser(served.app, cookie), listener):
        await served.register()
        tokens = await served.login()
        browser = Browser(served, page={})
        await browser.login()
        sent = {
            "somebody": bearer(tokens),
            "a browser": {"Sekisho-CSRF": browser.csrf_token},
            "nobody": {},
        }[who]
        known = [f"--header={name}:{value}" for name, value in sent.items()]
        excluded = EXCLUDED
        if who == "a browser":
            cookie |= {"cookie": f"sekisho={browser.jar['sekisho']}", "authorization": ""}
            excluded += ",ignored_auth"  # what is left off is added on the way
        command = [
            str(ST),
            "run",
            f"{issuer}/openapi.json",
            "--seed=1",
            "--max-examples=5",
            "--phases=coverage,fuzzing",
            f"--exclude-checks={excluded}",
            "--suppress-health-check=all",
            "--generation-database=none",
            "--no-color",
            "--exclude-operation-id=revocations_stream",  # it goes on; test_revocations.py
            *(["--exclude-operation-id=logout", *known] if known else []),
            *(["--exclude-operation-id=exchange"] if cookie else []),
        ]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()[-8000:]
        generated = re.search(r"(\d+) generated, (\d+) passed", output.decode())
        assert generated, output.decode()[-2000:]
        assert int(generated[2]) > 100, "it has looked at something"
        counted = served.metrics.text().decode()
        assert ('route="/v1/me",status="200"' in counted) is (who != "nobody")
