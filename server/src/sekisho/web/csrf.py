"""CSRF tokens of this server: `rules.csrf` with its keys and its entropy."""

from __future__ import annotations

from typing import Final

from sekisho.ports import Entropy
from sekisho.rules import csrf
from sekisho.rules.opaque import MacKeys, digest


class Csrf:
    """Makes and checks them. `binding` is a digest of the secret in the cookie that a token goes with."""

    __slots__ = ("_entropy", "_keys")

    def __init__(self, keys: MacKeys, entropy: Entropy) -> None:
        self._keys: Final = keys
        self._entropy: Final = entropy

    def token(self, binding: bytes) -> str:
        """A new one."""
        return csrf.encode(binding, nonce=self._entropy(csrf.NONCE_BYTES), keys=self._keys)

    def check(self, token: str | None, binding: bytes) -> None:
        """Return if it is one for that cookie.

        Raises:
            Refusal: `csrf_failed`.
        """
        csrf.check(token, binding, keys=self._keys)

    def new_cookie(self) -> tuple[str, bytes]:
        """A cookie for a browser that has not logged in, and its binding."""
        secret = self._entropy(csrf.COOKIE_BYTES)
        return csrf.encode_cookie(secret), digest(secret)

    def binding_of(self, cookie: str) -> bytes | None:
        """The binding of such a cookie; none for what we did not make."""
        return csrf.binding_of_cookie(cookie)
