"""How long it takes until no shop takes a token any more, and that none of them asked anybody to know it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from sekisho.features.demo.scene import Broken, Scene, require
from sekisho.features.demo.wire import Sent, exchange, request

#: Seconds that are waited at most: many times what it takes, for a machine that is busy with other things.
#: The verdict tells what it took.
PATIENCE: Final = 10.0
_ANSWERED: Final = re.compile(r"^sekisho_requests_total\{(.*)\} ([0-9.]+)$", re.MULTILINE)
# The counter itself, and the feed, which goes on by itself whether anybody calls a shop or not.
_BESIDE: Final = re.compile(r'route="/(metrics|v1/revocations[^"]*)"')


class Everywhere:
    """What one revocation does at both shops, from the answer that confirms it.

    The auth server counts what it is asked. A shop that looked a token up, there or in the database behind
    it, would be among that; the feed, which is pushed, is counted apart.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._began = 0.0
        self._asked = 0.0

    def begins(self) -> None:
        """It is confirmed now."""
        self._began = self._scene.steady()
        self._asked = self._questions()

    def wait(self, sent: Sent, code: str) -> float:
        """Ask both shops, without a line on the transcript, until they refuse with `code`; seconds that took.

        Raises:
            Broken: one still accepts it after `PATIENCE`, or says something else.
        """
        waiting = [self._scene.shop_a, self._scene.shop_b]
        seconds = 0.0
        while waiting:
            answer = exchange(replace(sent, url=waiting[0] + sent.url))
            seconds = self._scene.steady() - self._began
            if answer.status == 401:
                require(answer.code == code, f"{code} != {answer.code}")
                del waiting[0]
            elif answer.status != 200 or seconds > PATIENCE:
                raise Broken(f"{waiting[0]}: {answer.status} after {seconds:.2f} s")
        return seconds

    def require_nobody_asked(self) -> None:
        """Return if the auth server has answered nothing since it was confirmed.

        Raises:
            Broken: it has.
        """
        asked = self._questions() - self._asked
        require(not asked, f"the auth server was asked {asked:.0f} times")

    def _questions(self) -> float:
        answer = exchange(request("GET", f"{self._scene.auth}/metrics"))
        counted = _ANSWERED.findall(answer.body.decode())
        require(bool(counted), "the auth server counts nothing")
        return sum(float(count) for labels, count in counted if not _BESIDE.search(labels))
