"""A verifier beside a real `sekisho serve` whose signing key is replaced: nobody restarts the API."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest

from sekisho_verify import IssuerKeys, KeySource, SigningKey, TokenRefused, Verifier
from sekisho_verify.encoding import b64url_decode, json_object
from tests.parts.serving import Server
from tests.verify.issuers import SteadyClock, Taker, kids, wait_until_at_rest
from tests.verify.tokens import EC, OKP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AYA = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """The test leaves nothing running."""
    yield
    gc.collect()
    wait_until_at_rest()


class Rotated(Server):
    """A server that an operator restarts with other keys, at the same address."""

    def serve(self, *keys: SigningKey) -> str:
        """Sign by the first of these keys and publish all; an access token of it."""
        jwks = self.data.with_name("keys.json")
        jwks.touch(0o600)
        jwks.write_text(json.dumps({"keys": [key.to_private_jwk() for key in keys]}))
        if known := bool(self.url):
            assert self.stop() == 0
        self.settings = {"SEKISHO_SIGNING_KEY": f"file:{jwks}"}
        self.start()
        if not known:
            assert self.ask("POST", "/v1/accounts", AYA).status == 201
        token: str = self.ask("POST", "/v1/login", {**AYA, "mode": "token"}).json["access_token"]
        return token


def wait_for(source: KeySource, clock: SteadyClock, *keys: SigningKey) -> None:
    """Let the time of a refresh come, and wait until the source has these keys."""
    taker = Taker()
    source.provide(taker.take)
    clock.advance(300)
    while set(taker.next()) != set(kids(*keys)):
        pass
    source.withdraw(taker.take)


@pytest.mark.requirement("J21")
def test_an_api_follows_a_rotation_without_a_restart(tmp_path: Path) -> None:
    """Old and new tokens are accepted through the overlap, the old ones refused when their key is gone."""
    server, clock = Rotated(tmp_path / "data"), SteadyClock()
    try:
        old = server.serve(EC)
        source = IssuerKeys(server.url, steady=clock)
        with Verifier(issuer=server.url, audience="api", keys=source, feed=None) as using:
            subject = using.verify(old).sub
            new = server.serve(OKP, EC)
            wait_for(source, clock, OKP, EC)
            assert (using.verify(old).sub, using.verify(new).sub) == (subject, subject)
            server.serve(OKP)
            wait_for(source, clock, OKP)
            with pytest.raises(TokenRefused) as refused:
                using.verify(old)
            assert refused.value.code == "token_alg_not_allowed"
            assert using.verify(new).sub == subject
            # And the auth server itself may go.
            assert server.stop() == 0
            assert using.verify(new).sub == subject
    finally:
        server.__exit__()


@pytest.mark.requirement("J21")
def test_a_key_that_was_published_first_is_accepted_from_its_first_token(tmp_path: Path) -> None:
    """In the order of the guide, old and new, then new and old, not one token is refused."""
    server, clock = Rotated(tmp_path / "data"), SteadyClock()
    try:
        old = server.serve(EC)
        source = IssuerKeys(server.url, steady=clock)
        with Verifier(issuer=server.url, audience="api", keys=source, feed=None) as using:
            subject = using.verify(old).sub
            still_old = server.serve(EC, OKP)
            wait_for(source, clock, EC, OKP)
            assert (using.verify(old).sub, using.verify(still_old).sub) == (subject, subject)
            # No refresh comes between the second restart and the first token of the new key.
            new = server.serve(OKP, EC)
            assert (
                json_object(b64url_decode(new.partition(".")[0].encode()), unique_members=True)["kid"]
                == OKP.kid
            )
            assert (using.verify(old).sub, using.verify(new).sub) == (subject, subject)
    finally:
        server.__exit__()
