"""The session cookie: what it says, and what the database keeps of it.

`sks1_` + base64url(key id | session id | secret | MAC). The row keeps a digest of the secret, so whoever
reads the database holds no cookie (SE1); the seal is checked before any database is asked, so a guess costs
no I/O; and the prefix is under the seal, so that no other kind of token passes for a cookie (C6).
"""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.ids import UUID_BYTES, uuid_bytes, uuid_text
from sekisho.rules.opaque import MacKeys, OpaqueRefused, digest, seal, unseal
from sekisho.rules.refusals import Refusal

PREFIX = "sks1_"
_SECRET_BYTES = 32


class SessionCookie(Frozen):
    """A session cookie whose seal has been checked, or that is about to be sealed."""

    session_id: str
    secret: Hidden[bytes]

    @property
    def secret_digest(self) -> bytes:
        """What the session row keeps of the secret."""
        return digest(self.secret)


def encode(cookie: SessionCookie, keys: MacKeys) -> str:
    """The value handed to the browser."""
    return seal(PREFIX, uuid_bytes(cookie.session_id) + cookie.secret, keys)


def decode(text: str, keys: MacKeys) -> SessionCookie:
    """The cookie that was presented.

    Raises:
        Refusal: `session_unknown`, for whatever was not sealed by us.
    """
    try:
        body = unseal(PREFIX, text, keys, body_bytes=UUID_BYTES + _SECRET_BYTES)
    except OpaqueRefused as fault:
        raise Refusal("session_unknown", "not sealed by a key of ours") from fault
    return SessionCookie(uuid_text(body[:UUID_BYTES]), body[UUID_BYTES:])
