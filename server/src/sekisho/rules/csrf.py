"""CSRF tokens: proof that a page could read an answer of ours to the browser that now sends the cookie.

`skc1_` + base64url(key id | nonce | MAC over nonce and binding). The binding is a digest of the secret in the
very cookie that the token goes with: the session's, or before login one of its own. So a token of another
session, of another browser, or from before the login is worth nothing (F4, F5), and nothing is stored. The
nonce makes each token a new text, so that a compressed page does not leak it (BREACH).
"""

from __future__ import annotations

from hmac import compare_digest

from sekisho.rules.opaque import KEY_ID_BYTES, MAC_BYTES, MacKeys, digest
from sekisho.rules.refusals import Refusal
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import EncodingError

PREFIX = "skc1_"
NONCE_BYTES = 16
#: Random bytes in the cookie that a token is bound to before there is a session.
COOKIE_BYTES = 32
_SIZE = KEY_ID_BYTES + NONCE_BYTES + MAC_BYTES
_LENGTH = len(PREFIX) + (_SIZE * 4 + 2) // 3


def encode(binding: bytes, *, nonce: bytes, keys: MacKeys) -> str:
    """A token for the cookie whose secret has the digest `binding` (32 bytes); `nonce` is 16 random bytes."""
    key = keys.current
    return PREFIX + b64url_encode(key.id + nonce + key.mac(PREFIX, nonce + binding)).decode()


def check(text: str | None, binding: bytes, *, keys: MacKeys) -> None:
    """Return if `text` is a token for that cookie.

    Raises:
        Refusal: `csrf_failed`; it never says which half was wrong.
    """
    if text is None or len(text) != _LENGTH or not text.startswith(PREFIX):
        raise Refusal("csrf_failed", "no token of ours")
    try:
        raw = b64url_decode(text[len(PREFIX) :].encode())
    except EncodingError:
        raise Refusal("csrf_failed", "no token of ours") from None
    key = keys.find(raw[:KEY_ID_BYTES])
    nonce, presented = raw[KEY_ID_BYTES:-MAC_BYTES], raw[-MAC_BYTES:]
    if key is None or not compare_digest(key.mac(PREFIX, nonce + binding), presented):
        raise Refusal("csrf_failed", "a token of another cookie")


def encode_cookie(secret: bytes) -> str:
    """The cookie of a browser that has not logged in, from 32 random bytes."""
    return b64url_encode(secret).decode()


def binding_of_cookie(text: str) -> bytes | None:
    """What tokens of a browser with this cookie are bound to; none for what we did not make."""
    try:
        secret = b64url_decode(text.encode())
    except EncodingError:
        return None
    return digest(secret) if len(secret) == COOKIE_BYTES else None
