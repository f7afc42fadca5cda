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

from tests.web.served import Served, Server, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ST = Path(sys.executable).with_name("st")

# `positive_data_acceptance` holds that what fits the schema is accepted; a password may fit and be common.
EXCLUDED = "positive_data_acceptance"


@asynccontextmanager
async def listening(served: Served, listener: socket.socket) -> AsyncIterator[None]:
    """Serve over that socket as `sekisho serve` does."""
    config = uvicorn.Config(
        served.app,
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


@pytest.mark.parametrize("who", ["somebody", "nobody"])
async def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path, who: str) -> None:
    """No 5xx, no undocumented status, type, header or member, no method or credential taken for another.

    Once with an access token, which logging out would end, and once without any.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with server(issuer=issuer) as served, listening(served, listener):
        await served.register()
        tokens = await served.login()
        known = ["--exclude-operation-id=logout", f"--header=Authorization:{bearer(tokens)['Authorization']}"]
        command = [
            str(ST),
            "run",
            f"{issuer}/openapi.json",
            "--seed=1",
            "--max-examples=5",
            "--phases=coverage,fuzzing",
            f"--exclude-checks={EXCLUDED}",
            "--suppress-health-check=all",
            "--generation-database=none",
            "--no-color",
            *(known if who == "somebody" else []),
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
        assert ('route="/v1/me",status="200"' in counted) is (who == "somebody")
