"""For the test suites of applications: any token, good or bad, with no server.

    from sekisho_verify.testing import Issuer

    issuer = Issuer()
    app = create_app(verifier=issuer.verifier())
    client.get("/orders", headers=issuer.headers("ada", permissions=["orders:read"]))  # 200
    client.get("/orders", headers=issuer.headers(token=issuer.expired()))  # 401 token_expired

An application that finds its issuer by a URL is tested as it is: `with issuer.serve() as url:`. In pytest the
fixture `sekisho_issuer` is an `Issuer`. Nothing of it can be taken for real: the issuer is under `.test` or
on this machine, and the keys are made anew each time and say what they are.
"""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from sekisho_verify import jws
from sekisho_verify.encoding import b64url_decode
from sekisho_verify.errors import ConfigurationError, RefusalCode
from sekisho_verify.forgeries import Forged, Untried, forge
from sekisho_verify.forgeries.forging import ABSENT, changed, tampered, unsigned
from sekisho_verify.jwks import METADATA_PATH
from sekisho_verify.key_generation import Alg, new_key
from sekisho_verify.key_ring import ACCESS_TOKEN_TYPE
from sekisho_verify.keypairs import SigningKey
from sekisho_verify.keys import HmacKey
from sekisho_verify.loopback import Asked, Document, serving
from sekisho_verify.testing_feed import FEED_PATH, PublishedRevocations, TestingFeed
from sekisho_verify.urls import LOOPBACK
from sekisho_verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from sekisho_verify.keys import Signer, VerificationKey
    from sekisho_verify.revocations.entries import Effect, Kind

__all__ = ["ABSENT", "BAD", "ENDED", "Issuer"]

BAD: Final[dict[str, RefusalCode]] = {
    "malformed": "token_malformed",
    "unsigned": "token_alg_not_allowed",
    "wrong_type": "token_type_mismatch",
    "unknown_key": "token_key_unknown",
    "wrong_key": "token_signature_mismatch",
    "tampered": "token_signature_mismatch",
    "wrong_issuer": "token_issuer_mismatch",
    "wrong_audience": "token_audience_mismatch",
    "expired": "token_expired",
    "not_yet_valid": "token_not_yet_valid",
}
"""The bad tokens of an `Issuer` by name, and the code that each must be refused with."""

ENDED: Final[dict[str, RefusalCode]] = {"revoked": "token_revoked", "stale": "token_stale"}
"""The same for tokens that only a verifier with a revocation feed refuses."""

_JWKS: Final = "/.well-known/jwks.json"
_LIFETIME: Final = 900
_HOUR: Final = 3600


class Issuer:
    """An issuer of access tokens with a key of its own, for tests.

    Args:
        alg: the algorithm of the key; with HS256 applications need `secret` in place of a public key.
        audience: the `aud` of its tokens: the API under test.
        url: the `iss` of its tokens, under `.test` or on this machine.
        clock: gives seconds since 1970; the same one as the application's.

    Raises:
        ConfigurationError: for an algorithm that does not exist, or a `url` that could be somebody's.
    """

    def __init__(
        self,
        *,
        alg: Alg = "ES256",
        audience: str = "api",
        url: str = "https://issuer.test",
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- an application under test has the real one
    ) -> None:
        _refuse_real(url)
        self._key: Final = new_key(alg, kid="for-tests-only")
        self._other_key: Final = new_key(alg, kid="for-tests-only-unknown")
        self._clock: Final = clock
        self._numbers: Final = itertools.count(1)
        self._url = url
        self.audience: Final = audience
        self.revocations: Final = PublishedRevocations(clock=clock)
        """What was ended here. A verifier is given it as `feed=`."""

    @property
    def url(self) -> str:
        """The `iss` of the tokens made now."""
        return self._url

    @property
    def keys(self) -> tuple[VerificationKey, ...]:
        """What a verifier of its tokens holds."""
        return (self._key.public if isinstance(self._key, SigningKey) else self._key,)

    @property
    def secret(self) -> bytes:
        """The shared secret, for an application that is configured with one.

        Raises:
            ConfigurationError: if the key is a key pair, whose public part is in `keys`.
        """
        if isinstance(self._key, SigningKey):
            raise ConfigurationError(f"an issuer with {self._key.alg} has no shared secret: use .keys")
        return b64url_decode(self._key.to_private_jwk()["k"].encode())

    def verifier(self, **options: Any) -> Verifier:  # noqa: ANN401 -- passed on
        """A verifier of its tokens that knows what was revoked, by the same clock.

        Args:
            **options: of `Verifier`, in place of those chosen here, such as `feed=None`.
        """
        chosen: dict[str, Any] = {
            "issuer": self._url,
            "audience": self.audience,
            "keys": self.keys,
            "feed": self.revocations,
            "clock": self._clock,
        }
        return Verifier(**{**chosen, **options})

    @contextmanager
    def serve(self) -> Generator[str]:
        """Publish metadata (RFC 8414), keys and revocations on this machine.

        The URL is the issuer's name meanwhile. What `revoke` ends is refused at once by every verifier that
        follows it. A shared secret is never published: give the application `.secret`.
        """
        name = self._url
        feed: TestingFeed | None = None
        documents: dict[str, bytes] = {}
        if isinstance(self._key, SigningKey):
            documents[_JWKS] = msgspec.json.encode({"keys": [self._key.public.to_jwk()]})

        def find(asked: Asked) -> Document | None:
            if asked.path.startswith(FEED_PATH) and feed is not None:
                return feed.find(*asked)
            found = documents.get(asked.path)
            return None if found is None else Document("application/json", found)

        with serving(find) as url:
            self._url = url
            metadata = {"issuer": url, "sekisho_revocations_uri": url + FEED_PATH}
            if _JWKS in documents:
                metadata["jwks_uri"] = url + _JWKS
            documents[METADATA_PATH] = msgspec.json.encode(metadata)
            feed = TestingFeed(self.revocations, issuer=url, key=self._key, now=self._clock())
            try:
                yield url
            finally:
                feed.end()
                self._url = name

    def token(
        self,
        sub: str = "ada",
        *,
        roles: Iterable[str] = (),
        groups: Iterable[str] = (),
        permissions: Iterable[str] = (),
        scope: str = "",
        lifetime: float = _LIFETIME,
        **claims: object,
    ) -> str:
        """A good access token, as the `sekisho` server makes it (RFC 9068).

        Args:
            sub: the user.
            roles: the user's roles.
            groups: the user's groups.
            permissions: what the user may: the claim `entitlements`.
            scope: the scopes, with spaces between them.
            lifetime: seconds from now to `exp`.
            **claims: any claim in place of what it would be, or of your own; `ABSENT` leaves one out.
        """
        return self._sealed(
            self._claims(
                sub,
                roles=roles,
                groups=groups,
                permissions=permissions,
                scope=scope,
                lifetime=lifetime,
                **claims,
            )
        )

    def headers(self, sub: str = "ada", *, token: str | None = None, **claims: Any) -> dict[str, str]:  # noqa: ANN401 -- passed on
        """The headers of a request that carries `token`, or one that `token` makes of the rest."""
        return {"Authorization": f"Bearer {self.token(sub, **claims) if token is None else token}"}

    def bad(self, name: str, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """The bad token of a name in `BAD` or `ENDED`.

        Raises:
            KeyError: if there is no such name.
        """
        if name not in BAD.keys() | ENDED.keys():
            raise KeyError(name)
        made: str = getattr(self, name)(**claims)
        return made

    def malformed(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token that lost its last segment: `token_malformed`."""
        return self.token(**claims).rpartition(".")[0]

    def unsigned(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token that says `alg: none`, without a signature: `token_alg_not_allowed`."""
        return unsigned(self.token(**claims), {})

    def wrong_type(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A well signed token of `typ` JWT, as an ID token is: `token_type_mismatch`."""
        return self._sealed(self._claims(**claims), typ="JWT")

    def unknown_key(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token signed by a key that is not the issuer's, under its own id: `token_key_unknown`."""
        return self._sealed(self._claims(**claims), key=self._other_key)

    def wrong_key(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """The same, under the id of the issuer's key: `token_signature_mismatch`."""
        return self._sealed(self._claims(**claims), key=_Renamed(self._other_key, self._key.kid))

    def tampered(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token whose `roles` were changed to admin afterwards: `token_signature_mismatch`."""
        return tampered(self.token(**claims), {"roles": ["admin"]})

    def wrong_issuer(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A well signed token of another issuer: `token_issuer_mismatch`."""
        return self.token(**_with(claims, iss="https://another-issuer.test"))

    def wrong_audience(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A well signed token for another API: `token_audience_mismatch`."""
        return self.token(**_with(claims, aud=f"not-{self.audience}"))

    def expired(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token that has ended in this very second: `token_expired`."""
        now = int(self._clock())
        return self.token(**_with(claims, iat=now - _LIFETIME, exp=now))

    def not_yet_valid(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token that begins in an hour: `token_not_yet_valid`."""
        begins = int(self._clock()) + _HOUR
        return self.token(**_with(claims, nbf=begins, exp=begins + _LIFETIME))

    def revoked(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token whose session was ended since: `token_revoked`, if the verifier has our `revocations`."""
        text, sid = self._with_session(claims)
        self.revoke("session", sid)
        return text

    def stale(self, **claims: Any) -> str:  # noqa: ANN401 -- passed on
        """A token whose rights were changed since: `token_stale`, if the verifier has our `revocations`."""
        text, sid = self._with_session(claims)
        self.revoke("session", sid, effect="stale")
        return text

    def revoke(self, kind: Kind, name: str = "", *, effect: Effect = "revoked") -> None:
        """End every token made until now for a session, user or group, by a key, or every one there is.

        Args:
            kind: `session`, `user`, `group`, `key` or `everything`.
            name: the `sid`, the `sub`, the group or the `kid`; `everything` has none.
            effect: `revoked`, or `stale` for rights that changed.

        Raises:
            ConfigurationError: for a kind or an effect that does not exist, or a name not of its kind.
        """
        self.revocations.publish(kind, name, effect=effect)

    def forgeries(self, sub: str = "ada", **claims: Any) -> tuple[Forged | Untried, ...]:  # noqa: ANN401 -- passed on
        """Every forgery of the catalogue, made of a good token that `token` makes, with a true signature.

        See `sekisho_verify.forgeries`: each says how it is sent and the code that it must be refused with.
        """
        return forge(
            self.token(sub, **claims),
            forger=self._other_key,
            public_key=None if isinstance(self._key, HmacKey) else self._key.public,
            signer=self._key,
        )

    def _with_session(self, claims: dict[str, Any]) -> tuple[str, str]:
        sid = str(claims.get("sid", f"session-{next(self._numbers)}"))
        return self.token(**_with(claims, sid=sid)), sid

    def _claims(
        self,
        sub: str = "ada",
        *,
        roles: Iterable[str] = (),
        groups: Iterable[str] = (),
        permissions: Iterable[str] = (),
        scope: str = "",
        lifetime: float = _LIFETIME,
        **claims: object,
    ) -> bytes:
        now, number = int(self._clock()), next(self._numbers)
        good: dict[str, object] = {
            "iss": self._url,
            "sub": sub,
            "aud": self.audience,
            "exp": now + lifetime,
            "iat": now,
            "jti": f"token-{number}",
            "client_id": "first-party",
            "sid": f"session-{number}",
            "auth_time": now,
            "amr": ["pwd"],
            "scope": scope,
            "roles": list(roles),
            "groups": list(groups),
            "entitlements": list(permissions),
            "rv": self.revocations.rv,
        }
        return changed(good, claims)

    def _sealed(self, payload: bytes, *, typ: str = ACCESS_TOKEN_TYPE, key: Signer | None = None) -> str:
        return jws.sign(payload, {"typ": typ}, key or self._key)


def _with(claims: dict[str, Any], **chosen: Any) -> dict[str, Any]:  # noqa: ANN401 -- claims of any type
    """The claims, which win over what was chosen."""
    return {**chosen, **claims}


class _Renamed:
    """A key under the id of another."""

    def __init__(self, key: HmacKey | SigningKey, kid: str) -> None:
        self.alg: Final = key.alg
        self.kid: Final = kid
        self.sign: Final = key.sign


def _refuse_real(url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host not in LOOPBACK and not host.endswith(".test"):
        raise ConfigurationError(
            "an issuer of tests is under .test (RFC 6761), as https://issuer.test, or on this machine: "
            f"its tokens must never be taken for real ones; got {url!a}"
        )
