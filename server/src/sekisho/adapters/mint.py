"""What a client is handed, from a grant: names, lifetimes, and the keys that sign and seal."""

from __future__ import annotations

from typing import Any

from sekisho.frozen import Frozen
from sekisho.ports import Entropy, Signer
from sekisho.rules import refresh, session_cookie
from sekisho.rules.access import access_claims
from sekisho.rules.opaque import MacKeys
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.session import CookieSession, Grant, Handed, Lifetimes, Mode, Tokens
from sekisho.rules.session_cookie import SessionCookie
from sekisho_verify.encoding import b64url_encode

#: A `jti` must not repeat (RFC 7519 section 4.1.7); 128 random bits never do.
_TOKEN_ID_BYTES = 16
#: Seconds of the claims that are told, and not signed: an API asks again long before, so this only has to be
#: more than two clocks differ by.
_TOLD_TTL = 60.0


class Minting(Frozen):
    """`ports.Mint` with the keys of this issuer."""

    issuer: str
    audience: str
    lifetimes: Lifetimes
    signer: Signer
    refresh_keys: MacKeys
    cookie_keys: MacKeys
    entropy: Entropy

    def hand(self, grant: Grant, *, mode: Mode, secret: bytes, now: float) -> Handed:
        """The first credential of a session whose row has the digest of `secret`."""
        if mode == "session":
            cookie = SessionCookie(grant.session_id, secret)
            return CookieSession(
                cookie=session_cookie.encode(cookie, self.cookie_keys),
                csrf_binding=cookie.secret_digest,
                expires_in=int(grant.refresh_expires_at - now),
                grant=grant,
            )
        first = refresh.encode(RefreshToken(grant.session_id, 0, secret), self.refresh_keys)
        return self.tokens(grant, first, now=now)

    def tokens(self, grant: Grant, refresh_token: str, *, now: float) -> Tokens:
        """The pair that a client is handed: an access token signed now, and that refresh token.

        The access token ends with the session at the latest, and lives for a second at least.
        """
        left = max(1.0, grant.refresh_expires_at - now)
        ttl = min(self.lifetimes.access, left)
        return Tokens(
            access_token=self.signer.sign(self._claims(grant, now=now, ttl=ttl)),
            expires_in=int(ttl),
            refresh_token=refresh_token,
            refresh_expires_in=int(grant.refresh_expires_at - now),
            grant=grant,
        )

    def claims(self, grant: Grant, *, now: float) -> dict[str, Any]:
        """What an access token of the session would say now, for a minute; never beyond the session's end.

        `exp` has a fraction where the session has one, so that it ends neither earlier nor later.
        """
        told = self._claims(grant, now=now, ttl=_TOLD_TTL)
        return {**told, "exp": min(now + _TOLD_TTL, grant.refresh_expires_at)}

    def _claims(self, grant: Grant, *, now: float, ttl: float) -> dict[str, Any]:
        return access_claims(
            issuer=self.issuer,
            audience=self.audience,
            user_id=grant.account.id,
            session_id=grant.session_id,
            token_id=b64url_encode(self.entropy(_TOKEN_ID_BYTES)).decode(),
            rights=grant.rights,
            auth_time=grant.auth_time,
            amr=grant.amr,
            now=now,
            ttl=ttl,
        )
