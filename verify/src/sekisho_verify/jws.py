"""Compact JWS (RFC 7515): split, find the key, check the seal; and sign.

Nothing of a token is read before its seal holds, except the header, which must say by which key; and a header
that a held key has sealed before is known by its bytes and not read again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from sekisho_verify.encoding import b64url_decode, b64url_encode, json_object
from sekisho_verify.errors import ConfigurationError, EncodingError, TokenRefused
from sekisho_verify.keys import MAX_KID, VerificationKey, is_kid, refuse_bad_set

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sekisho_verify.keys import Signer

MAX_TOKEN: Final = 16 * 1024
"""Characters of the longest token that is looked at."""
MAX_HEADER: Final = 4 * 1024
"""Characters of the longest header segment that is decoded."""

_KNOWN_HEADERS: Final = 64
REFUSED_MEMBERS: Final = ("jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "cty", "b64", "crit", "enc", "zip")
"""Registered members of a header that an access token has no use for.

By some it would choose its own key (RFC 7515 sections 4.1.2 to 4.1.8); others change what is signed (RFC
7797), demand an extension (section 4.1.11; we have none), or say that it is nested, encrypted or compressed
(RFC 7516, RFC 7519 section 5.2).
"""


def sign(payload: bytes, header: Mapping[str, object], key: Signer) -> str:
    """A compact JWS of `payload`, which is taken as it is.

    Args:
        payload: the bytes to seal, for a JWT the claims as JSON.
        header: what the header says besides `alg` and `kid`, as a rule only `{"typ": "at+jwt"}`.
        key: gives `alg`, `kid` and the signature.

    Raises:
        ConfigurationError: if the header tries to say `alg` or `kid` itself.
    """
    signing_input = (
        _header_segment(key.alg, key.kid, msgspec.json.encode(header)) + b"." + b64url_encode(payload)
    )
    return (signing_input + b"." + b64url_encode(key.sign(signing_input))).decode()


@lru_cache(maxsize=64)
def _header_segment(alg: str, kid: str, more: bytes) -> bytes:
    members = msgspec.json.decode(more, type=dict[str, msgspec.Raw])
    if not members.keys().isdisjoint(("alg", "kid")):
        raise ConfigurationError("the key says alg and kid; leave them out of the header")
    return b64url_encode(msgspec.json.encode({"alg": alg, "kid": kid, **members}))


class CompactVerifier:
    """Checks the seal of compact JWS of one kind, by keys given once.

    Immutable but for its memory of headers, and safe to share among threads. To change keys, make another.

    Args:
        keys: typed public keys, or typed shared secrets, never both (CVE-2016-10555).
        typ: the media type that the header must declare (RFC 8725 section 3.11), for access tokens `at+jwt`.
        max_length: characters of the longest text that is looked at.

    Raises:
        KeyRefused: for no keys, a mixed set, two keys of one id, or something that is not a typed key.
    """

    __slots__ = ("_algs", "_by_kid", "_known", "_max_length", "_typ")

    def __init__(self, keys: Iterable[VerificationKey], *, typ: str, max_length: int = MAX_TOKEN) -> None:
        held = tuple(keys)
        refuse_bad_set(held)
        self._by_kid: Final = {key.kid: key for key in held}
        self._algs: Final = frozenset(key.alg for key in held)
        self._typ: Final = _media_type(typ)
        self._max_length: Final = max_length
        self._known: dict[bytes, VerificationKey] = {}

    def open(self, text: str) -> bytes:
        """The payload of `text`, whose seal holds.

        Raises:
            TokenRefused: `token_malformed`, `token_alg_not_allowed`, `token_type_mismatch`,
                `token_key_unknown` or `token_signature_mismatch`.
        """
        try:
            return self._open(text)
        except EncodingError as error:
            raise TokenRefused("token_malformed", str(error)) from None

    def kid_of(self, text: str) -> str:
        """The id of the key that has sealed `text`, which `open` has just accepted."""
        header = text.partition(".")[0].encode()
        return (self._known.get(header) or self._key_of(header)).kid

    def _open(self, text: str) -> bytes:
        # No subclass of str either: its methods may be anybody's.
        if type(text) is not str or len(text) > self._max_length or not text.isascii():
            raise TokenRefused("token_malformed", f"not ASCII text of at most {self._max_length} characters")
        token = text.encode()
        # Cut at the last two dots: one too many is then in the header, which is refused for it below.
        signing_input, _, seal = token.rpartition(b".")
        del token  # a snapshot of the feed has tens of megabytes, and each copy of it counts
        header, _, payload = signing_input.rpartition(b".")
        if not payload or not seal:
            # Refused either way; but who says "none" is told that the algorithm is what is refused.
            self._key_of(header)
            raise TokenRefused("token_malformed", "an empty segment")
        key = self._known.get(header)
        if key is not None:
            key.check(signing_input, seal)
        else:
            key = self._key_of(header)
            key.check(signing_input, seal)
            # Only now: what a stranger invents is never remembered, so the memory holds what the issuer
            # writes, a few spellings, and cannot be flushed from outside.
            if len(self._known) >= _KNOWN_HEADERS:
                self._known = {}
            self._known[header] = key
        del signing_input
        return b64url_decode(payload)

    def _key_of(self, segment: bytes) -> VerificationKey:
        """The key that the header names, if the header is acceptable in every other way too."""
        if len(segment) > MAX_HEADER:
            raise TokenRefused("token_malformed", f"a header of more than {MAX_HEADER} characters")
        if not segment or b"." in segment:
            raise TokenRefused(
                "token_malformed", "encrypted (JWE)" if segment.count(b".") == 2 else "not three segments"
            )
        header = json_object(b64url_decode(segment), unique_members=True)
        alg = header.get("alg")
        if type(alg) is not str or alg not in self._algs:
            _refuse_alg(alg)
        for name in REFUSED_MEMBERS:
            if name in header:
                raise TokenRefused("token_malformed", f"a header with {name}")
        typ = header.get("typ")
        if type(typ) is not str or _media_type(typ) != self._typ:
            raise TokenRefused("token_type_mismatch", f"typ is {_printable(typ)}")
        kid = header.get("kid")
        key = self._by_kid.get(kid) if is_kid(kid) else None
        if key is None:
            raise TokenRefused("token_key_unknown", f"kid is {_printable(kid)}")
        # The allowlist above is not enough: the algorithm must be this key's own (CVE-2026-48523).
        if alg != key.alg:
            _refuse_alg(alg)
        return key


def _refuse_alg(alg: object) -> NoReturn:
    raise TokenRefused("token_alg_not_allowed", f"alg is {_printable(alg)}")


def _printable(value: Any) -> str:  # noqa: ANN401 -- whatever a stranger wrote
    return f"{value!a:.{MAX_KID}}" if isinstance(value, str) else type(value).__name__


def _media_type(typ: str) -> str:
    # Media types know no case, and "application/" may be left out (RFC 7515 section 4.1.9).
    return typ.lower().removeprefix("application/")
