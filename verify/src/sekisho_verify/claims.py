"""What is expected of an access token, and the check, given now (RFC 9068 section 4, RFC 7519 section 4.1).

Payloads come here only from behind a seal that held. Trouble with a claim as such (missing, of another type,
out of range) is `token_malformed`, with the claim named in the detail; the other codes are for claims that
are well formed and say something else than expected.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from sekisho_verify.encoding import json_object
from sekisho_verify.errors import ConfigurationError, EncodingError, TokenRefused

MAX_LEEWAY: Final = 60.0
"""Seconds: the most that a verifier may be told to overlook."""
EARLY: Final = 5.0
"""Seconds that `iat` may lie ahead of the verifier's clock even without leeway.

Two machines kept by NTP still differ by some milliseconds, and a token is often used within a few of its
making. Being early opens nothing: when the token ends is decided by `exp`, which has no such allowance.
"""
YEAR_10000: Final = 253402300800

Text = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=YEAR_10000)]
Audiences = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class AccessClaims(
    msgspec.Struct,
    frozen=True,
    gc=False,
    forbid_unknown_fields=True,
    rename={
        "issuer": "iss",
        "subject": "sub",
        "audience": "aud",
        "expires_at": "exp",
        "issued_at": "iat",
        "not_before": "nbf",
    },
):
    """The claims of an access token, each of its one type (RFC 9068 section 2.2; `sid` and `rv` are ours).

    Required are those without a default. Times are seconds since 1970 and may have a fraction.
    """

    issuer: Text
    subject: Text
    audience: Text | Audiences
    expires_at: Seconds
    issued_at: Seconds
    jti: Text
    client_id: Text
    sid: Text
    rv: Text
    not_before: Seconds = 0.0
    auth_time: Seconds | msgspec.UnsetType = msgspec.UNSET  # so that null is not taken for absent
    amr: tuple[str, ...] = ()
    scope: str = ""
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    entitlements: frozenset[str] = frozenset()


_decode: Final = msgspec.json.Decoder(AccessClaims).decode
_KNOWN: Final = frozenset(field.encode_name for field in msgspec.structs.fields(AccessClaims))


def read_claims(payload: bytes) -> AccessClaims:
    """The claims in `payload`, strictly typed.

    A token that says only what it must is decoded straight into its types. Members of somebody's own are
    allowed, but msgspec would skip over them without looking (1e999, bad UTF-8): such a token goes the longer
    way, where everything is read and the nesting is counted.

    Raises:
        TokenRefused: `token_malformed`.
    """
    try:
        return _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        members = json_object(payload, unique_members=False)
        return msgspec.convert({name: members[name] for name in members.keys() & _KNOWN}, AccessClaims)
    except (EncodingError, msgspec.ValidationError) as error:
        raise TokenRefused("token_malformed", ascii(str(error))) from None


def all_members(payload: bytes) -> dict[str, Any]:
    """Every member of a payload that `read_claims` has accepted; a new dict at each call."""
    return json_object(payload, unique_members=False)


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """What this API expects of a token. Nothing here has a laxer form than an exact match.

    Args:
        issuer: compared with `iss` byte for byte.
        audience: this API's own name; must be `aud` or one of it, exactly.
        leeway: seconds, 0 to 60, by which a token may be used after its end and before its beginning. Zero by
            default: an access token is short-lived and silently renewed, so there is nothing to be lenient
                for.
        max_lifetime: seconds that may lie between `iat` and `exp`.

    Raises:
        ConfigurationError: for an empty issuer or audience, or a leeway or lifetime out of its range.
    """

    issuer: str
    audience: str
    leeway: float = 0.0
    max_lifetime: float = 86400.0

    def __post_init__(self) -> None:
        if type(self.issuer) is not str or not self.issuer:
            raise ConfigurationError(
                "issuer: give the exact iss of the tokens, for example https://id.example.com"
            )
        if type(self.audience) is not str or not self.audience:
            raise ConfigurationError(
                "audience: give this API's own name, exactly as the tokens carry it in aud"
            )
        if not (_is_number(self.leeway) and 0 <= self.leeway <= MAX_LEEWAY):
            raise ConfigurationError(f"leeway is 0 to {MAX_LEEWAY:.0f} seconds; got {self.leeway!a}")
        if not (_is_number(self.max_lifetime) and 0 < self.max_lifetime < YEAR_10000):
            raise ConfigurationError(
                f"max_lifetime is a number of seconds above 0; got {self.max_lifetime!a}"
            )

    def check(self, claims: AccessClaims, *, now: float) -> None:
        """Return if the claims are for us, and good at `now`.

        Raises:
            TokenRefused: `token_issuer_mismatch`, `token_audience_mismatch`, or as `check_times` does.
        """
        if claims.issuer != self.issuer:
            raise TokenRefused("token_issuer_mismatch", f"iss is {claims.issuer!a}")
        audience = claims.audience
        # Told apart by type first: `in` on a str would find a part of it (CVE-2024-53861).
        if audience != self.audience if isinstance(audience, str) else self.audience not in audience:
            raise TokenRefused("token_audience_mismatch", f"aud is {audience!a}")
        if not claims.expires_at - claims.issued_at <= self.max_lifetime:
            raise TokenRefused("token_malformed", f"lives longer than {self.max_lifetime} seconds")
        self.check_times(claims, now=now)

    def check_times(self, claims: AccessClaims, *, now: float) -> None:
        """Return if the claims are good at `now`, seconds since 1970.

        Every comparison says what must hold, so that a clock that returns NaN refuses.

        Raises:
            TokenRefused: `token_expired`, from the very second of `exp`; `token_not_yet_valid`.
        """
        leeway = self.leeway
        if not now < claims.expires_at + leeway:
            raise TokenRefused("token_expired", f"at {claims.expires_at:.0f}, now {now:.3f}")
        issued_at = claims.issued_at
        if not (
            claims.not_before <= now + leeway and (issued_at <= now + EARLY or issued_at <= now + leeway)
        ):
            begins = max(claims.not_before, issued_at)
            raise TokenRefused("token_not_yet_valid", f"from {begins:.0f}, now {now:.3f}")
