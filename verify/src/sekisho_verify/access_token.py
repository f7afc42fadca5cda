"""What a verified access token says: a type of its own, so that unverified text cannot be taken for one."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from msgspec import UNSET

from sekisho_verify.claims import all_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.claims import AccessClaims


class AccessToken:
    """What a verified access token says. Immutable, and made by a `Verifier` alone.

    A function that takes an `AccessToken` therefore cannot be handed unverified text, nor claims that
    somebody wrote down. It does not hold the token's text, so it can be logged and kept without keeping a
    credential. Where a guard accepts session cookies, it is what a token of that session would say.
    """

    __slots__ = ("_claims", "_payload")
    _claims: AccessClaims
    _payload: bytes

    def __init__(self) -> None:
        raise TypeError("an AccessToken comes from Verifier.verify only")

    @property
    def sub(self) -> str:
        """The user: an opaque id, stable for life, unique within the issuer."""
        return self._claims.subject

    @property
    def sid(self) -> str:
        """The session that the token was made for."""
        return self._claims.sid

    @property
    def jti(self) -> str:
        """The id of this one token."""
        return self._claims.jti

    @property
    def client_id(self) -> str:
        """The client that the token was issued to."""
        return self._claims.client_id

    @property
    def scope(self) -> frozenset[str]:
        """What the client may do on the user's behalf (RFC 6749 section 3.3)."""
        # At U+0020 alone: `split()` would find two names where an issuer that keeps to the RFC has seen one.
        return frozenset(filter(None, self._claims.scope.split(" ")))

    @property
    def roles(self) -> frozenset[str]:
        """The user's roles."""
        return self._claims.roles

    @property
    def groups(self) -> frozenset[str]:
        """The user's groups."""
        return self._claims.groups

    @property
    def permissions(self) -> frozenset[str]:
        """The user's effective permissions, denials taken off: the claim `entitlements` of RFC 9068."""
        return self._claims.entitlements

    @property
    def amr(self) -> tuple[str, ...]:
        """How the user had logged in (RFC 8176)."""
        return self._claims.amr

    @property
    def auth_time(self) -> float | None:
        """When the user had last proved who they are, in seconds since 1970; None where not said."""
        when = self._claims.auth_time
        return None if when is UNSET else when

    @property
    def issued_at(self) -> float:
        """When the token was made, in seconds since 1970."""
        return self._claims.issued_at

    @property
    def expires_at(self) -> float:
        """The first second at which the token is refused, in seconds since 1970."""
        return self._claims.expires_at

    @property
    def rv(self) -> str:
        """How much of the revocations was known when the token was made; opaque."""
        return self._claims.rv

    @property
    def claims(self) -> Mapping[str, Any]:
        """Every claim as it was sent, those of your own included; decoded afresh at each access.

        Afresh, because a list within it could be changed by one request and be seen by the next, which shares
        the verified token.
        """
        return MappingProxyType(all_members(self._payload))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("an AccessToken is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("an AccessToken is immutable")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an AccessToken is not copied or pickled: verify the text where it is needed")

    def __repr__(self) -> str:
        return (
            f"AccessToken(sub={self.sub!r}, sid={self.sid!r}, jti={self.jti!r}, expires_at={self.expires_at})"
        )


# The slots' own setters: past `__setattr__`, and in half the time of `object.__setattr__`.
_set_claims: Final = AccessToken.__dict__["_claims"].__set__
_set_payload: Final = AccessToken.__dict__["_payload"].__set__


def verified_token(claims: AccessClaims, payload: bytes) -> AccessToken:
    """The token with these claims; for who has checked where they come from and what they say: `Verifier`."""
    token = object.__new__(AccessToken)
    _set_claims(token, claims)
    _set_payload(token, payload)
    return token
