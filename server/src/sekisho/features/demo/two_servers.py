"""The chapter of the cookie: what server A stored, server B finds only where both look.

One cookie, presented to three servers with the same program and the same keys: A; a B whose memory is its
own; a B on A's database. Nothing else differs, so nothing else explains the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from sekisho.features.demo.scene import Broken, Scene, expect, member, require, show
from sekisho.features.demo.wire import Answer, Sent, exchange, request

#: Gives the URLs of two servers B, one with a memory of its own and one on A's database, once both listen.
SecondServers: TypeAlias = Callable[[], tuple[str, str]]
#: How often A is asked whether it has heard of a logout at B. It reads what has ended five times a second.
_ASKED_AT_MOST: Final = 10_000


class TwoServers:
    """The steps, and what the browser keeps from one to the next."""

    def __init__(self, scene: Scene, second_servers: SecondServers) -> None:
        self._scene = scene
        self._second_servers = second_servers
        self._aya, _ = scene.people
        self._cookies: dict[str, str] = {}
        self._csrf = ""
        self._session_id = ""

    def steps(self) -> tuple[tuple[str, Callable[[], Mapping[str, object]]], ...]:
        """Each by the name of its words."""
        return (("cookie", self._cookie), ("memory", self._memory), ("shared", self._shared))

    def _cookie(self) -> Mapping[str, object]:
        auth = self._scene.auth
        page = self._show(self._request("GET", f"{auth}/v1/csrf"))
        expect(page, 200)
        self._cookies = dict(page.cookies)
        self._csrf = member(page, "csrf_token")
        body = {"email": self._aya.email, "password": self._aya.password, "mode": "session"}
        login = self._show(self._request("POST", f"{auth}/v1/login", body))
        expect(login, 200)
        self._cookies = {name: value for name, value in login.cookies.items() if value}
        self._csrf, self._session_id = member(login, "csrf_token"), member(login, "session_id")
        cookie = self._cookies.get("sekisho", "")
        require(
            bool(cookie) and cookie not in str(login.json), "no session cookie, or one that a page can read"
        )
        self._accepted(auth)
        return {}

    def _memory(self) -> Mapping[str, object]:
        alone, _ = self._second_servers()
        self._accepted(self._scene.auth)
        self._refused(alone, "session_unknown")
        return {}

    def _shared(self) -> Mapping[str, object]:
        scene = self._scene
        _, sharing = self._second_servers()
        self._accepted(scene.auth)
        self._accepted(sharing)
        expect(self._show(self._request("POST", f"{sharing}/v1/logout")), 204)
        self._refused(sharing, "session_revoked")
        scene.transcript.remark(scene.say("shared.remark"))
        self._wait_until_heard()
        self._refused(scene.auth, "session_revoked")
        return {}

    def _wait_until_heard(self) -> None:
        """Ask A, without a line on the transcript, until it refuses."""
        asked = self._request("GET", f"{self._scene.auth}/v1/me")
        for _ in range(_ASKED_AT_MOST):
            if exchange(asked).status != 200:
                return
        raise Broken("A never heard of the logout at B")

    def _accepted(self, server: str) -> None:
        answer = self._show(self._request("GET", f"{server}/v1/me"))
        expect(answer, 200)
        require(member(answer, "session_id") == self._session_id, "another session than that of the cookie")

    def _refused(self, server: str, code: str) -> None:
        expect(self._show(self._request("GET", f"{server}/v1/me")), 401, code)

    def _request(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Sent:
        """As a browser sends it, to which all ports of a host are one; with the token of a page."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if not self._cookies:
            headers = {}
        elif method == "POST":
            headers["Sekisho-CSRF"] = self._csrf
        return request(method, url, json_body=body, headers=headers)

    def _show(self, sent: Sent) -> Answer:
        return show(self._scene, sent)
