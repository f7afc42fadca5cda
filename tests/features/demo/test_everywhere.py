"""The step that measures a revocation can fail: it believes no shop, and counts what is asked."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from sekisho.features.demo.everywhere import Everywhere
from sekisho.features.demo.scene import Broken, Person, Scene
from sekisho.features.demo.transcript import Transcript
from sekisho.features.demo.wire import request
from sekisho.words.catalogue import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASKED = request("GET", "/products", bearer="a token")


@contextmanager
def shop(answer: Callable[[int], tuple[int, str]]) -> Iterator[str]:
    """Answer the nth request with that status and code, and count requests as the auth server does."""
    turns = itertools.count(1)
    asked = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal asked
            if self.path == "/metrics":
                feed = f'sekisho_requests_total{{route="/v1/revocations/time"}} {next(turns)}\n'
                self._say(200, f'{feed}sekisho_requests_total{{route="/v1/logout"}} {asked}\n'.encode())
                return
            status, code = answer(next(turns))
            asked += code == "asks"
            self._say(status, json.dumps({"code": code}).encode())

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def scene(url: str) -> Scene:
    """Set it where every server is that one, and a tenth of a second passes at each look at the clock."""
    ticks = itertools.count()
    nobody = Person("nobody@example.com", "no password")
    return Scene(
        auth=url,
        shop_a=url,
        shop_b=url,
        grace=10.0,
        people=(nobody, nobody),
        forward=lambda _: None,
        steady=lambda: next(ticks) / 10,
        operate=lambda _: None,
        entropy=bytes,
        say=words("sekisho.features.demo", "en"),
        transcript=Transcript(lambda _: None, colour=False),
    )


def test_it_measures_from_the_confirmation_to_the_last_refusal() -> None:
    """Both shops are asked until both refuse; the seconds are those of the clock that nobody moves."""
    with shop(lambda turn: (401, "token_revoked") if turn >= 5 else (200, "")) as url:
        ended = Everywhere(scene(url))
        ended.begins()
        assert ended.wait(ASKED, "token_revoked") == pytest.approx(0.5)
        ended.require_nobody_asked()


def test_a_shop_that_goes_on_accepting_breaks_the_story() -> None:
    """A token that is still good after ten seconds was not revoked everywhere."""
    with shop(lambda _: (200, "")) as url:
        ended = Everywhere(scene(url))
        ended.begins()
        with pytest.raises(Broken, match=r"200 after 10\.10 s"):
            ended.wait(ASKED, "token_revoked")


def test_a_refusal_for_another_reason_breaks_the_story() -> None:
    """A token that has expired meanwhile would prove nothing."""
    with shop(lambda _: (401, "token_expired")) as url:
        ended = Everywhere(scene(url))
        ended.begins()
        with pytest.raises(Broken, match="token_revoked != token_expired"):
            ended.wait(ASKED, "token_revoked")


def test_a_shop_that_asks_breaks_the_story() -> None:
    """What the auth server was asked meanwhile is a look-up that nobody should need; the feed is none."""
    with shop(lambda turn: (401, "token_revoked") if turn >= 4 else (200, "asks")) as url:
        ended = Everywhere(scene(url))
        ended.begins()
        ended.wait(ASKED, "token_revoked")
        with pytest.raises(Broken, match="asked 2 times"):
            ended.require_nobody_asked()
