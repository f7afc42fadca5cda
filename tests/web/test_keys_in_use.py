"""What callers notice of keys that change: nothing; and what whoever holds a leaked one can do: nothing."""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.flows.signing_keys import RetireRequest, retire, rotate
from sekisho.rules import device
from sekisho.rules.keyring import LEAD
from sekisho_verify import HmacKey, SigningKey, TokenRefused, Verifier, key_from_jwk, key_from_pem
from sekisho_verify.encoding import b64url_decode
from sekisho_verify.jws import sign
from sekisho_verify.revocations.live import Revocations
from tests.web.browser import Browser, code_of
from tests.web.served import Served, Server, bearer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2


@pytest.fixture
def fresh(tmp_path: Path) -> Server:
    """Servers that make keys of their own."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    return Server(empty, tmp_path)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    read: dict[str, Any] = json.loads(b64url_decode(token.split(".")[1].encode()))
    return read


def stolen(served: Served) -> HmacKey | SigningKey:
    """The key that signs, from its file: what somebody has who could read the disk."""
    (file,) = (served.house.settings.data / "keys").iterdir()
    content = file.read_bytes()
    key = key_from_jwk(content) if file.suffix == ".jwk" else key_from_pem(content)
    assert isinstance(key, HmacKey | SigningKey)
    return key


async def lock_out(served: Served, key: HmacKey | SigningKey) -> None:
    """`sekisho key retire KID --compromised`, and the look that every node takes twice a second."""
    house = served.house
    reading = house.keyring.reading
    request = RetireRequest(
        kid=key.kid,
        alg=key.alg,
        thumbprint=key.thumbprint,
        standing=next(each for each in reading.standings if each.kid == key.kid),
        compromised=True,
        others=False,
    )
    await retire(request, room=house.key_room, store=house.store, clock=house.clock, entropy=house.entropy)
    await house.keyring.look()


@pytest.mark.requirement("J19")
@pytest.mark.parametrize("alg", ["ES256", "HS256"])
@pytest.mark.parametrize("rv", ["own", "1.0", "1.99999999999", "99999999.99999999999"])
async def test_a_token_forged_with_a_leaked_key_is_refused_everywhere(
    fresh: Server, alg: str, rv: str
) -> None:
    """A victim's own session, any number in `rv`, and a verifier that goes on holding the key: refused."""
    async with fresh(signing_alg=alg) as served:
        await served.register()
        victim = await served.login()
        key = stolen(served)
        claims = claims_of(victim["access_token"])
        if rv != "own":
            claims["rv"] = rv
        forged = {"access_token": sign(json.dumps(claims).encode(), {"typ": "at+jwt"}, key)}
        feed = Revocations()
        api = Verifier(
            issuer=served.house.settings.issuer,
            audience="api",
            keys=[key.public if isinstance(key, SigningKey) else key],
            feed=feed,
            clock=served.clock,
        )
        feed.apply(await served.house.store.feed_snapshot(as_of=served.clock(), ttl=960))
        assert api.verify(forged["access_token"]).sub == victim["user"]["id"], "a forger can do this"
        await lock_out(served, key)
        feed.apply(await served.house.store.feed_snapshot(as_of=served.clock(), ttl=960))
        for token in (forged["access_token"], victim["access_token"]):
            with pytest.raises(TokenRefused) as refused:
                api.verify(token)
            assert refused.value.code == "token_revoked"
        await refuses(served.client, forged)
        await refuses(served.client, victim)
        body = {"refresh_token": victim["refresh_token"]}
        renewed = (await served.client.post("/v1/refresh", json=body)).json()
        assert (await served.client.get("/v1/me", headers=bearer(renewed))).status_code == 200
        with pytest.raises(TokenRefused):
            api.verify(renewed["access_token"])


async def refuses(client: httpx2.AsyncClient, tokens: dict[str, Any]) -> None:
    """The server knows no such key any more, for any of its endpoints."""
    for path in ("/v1/me", "/v1/sessions"):
        answer = await client.get(path, headers=bearer(tokens))
        assert (answer.status_code, answer.json()["code"]) == (401, "token_key_unknown")


@pytest.mark.requirement("A12")
async def test_a_rotation_is_noticed_by_nobody(served: Served) -> None:
    """Tokens from before and after are good; the set tells of the new key before it signs."""
    await served.register()
    old = await served.login()
    first = await served.client.get("/.well-known/jwks.json")
    house = served.house
    served.clock.now = house.keyring.reading.standings[0].since or 0.0
    assert house.key_room is not None
    await rotate(house.key_room, at_once=False)
    await house.keyring.look()
    before = await served.login()
    served.clock.now += LEAD
    await house.keyring.look()
    after = await served.login()
    kids = [
        json.loads(b64url_decode(t["access_token"].split(".")[0].encode()))["kid"] for t in (before, after)
    ]
    answer = await served.client.get("/.well-known/jwks.json")
    assert [key["kid"] for key in answer.json()["keys"]] == kids[::-1]
    assert answer.headers["etag"] != first.headers["etag"], "a cache asks whether it is new"
    for tokens in (before, after):
        assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200
    body = {"refresh_token": old["refresh_token"]}
    assert (await served.client.post("/v1/refresh", json=body)).status_code == 200


ROOTS = {
    "OLD": "R0otSecretOfTheTests-4fZ8qLw1nXcvB6mT2yH",
    "NEW": "An0therSecretOfTests-7hY2vKd9pMsWq3Xe5Rt",
}


@dataclass
class Held:
    """What somebody holds who has logged in: in a browser, and in an application with tokens."""

    jar: dict[str, str]
    csrf_token: str
    refresh_token: str
    device_token: str

    @classmethod
    async def log_in(cls, served: Served) -> Held:
        """Log in both ways."""
        browser = Browser(served)
        await browser.login()
        tokens = await served.login()
        return cls(browser.jar, browser.csrf_token, tokens["refresh_token"], tokens["device_token"])

    async def codes(self, served: Served) -> dict[str, str]:
        """What each of them meets there; empty where it is taken as before."""
        browser = Browser(served, jar=dict(self.jar), csrf_token=self.csrf_token)
        unsafe = await browser.delete("/v1/sessions/01a1fbf5-e94a-749d-878c-63bcebe42e27")
        body = {"refresh_token": self.refresh_token}
        known = device.decode(self.device_token, served.house.keys.device)
        return {
            "session cookie": (await browser.me())[1],
            "csrf token": code_of(unsafe)[1],
            "refresh token": code_of(await served.client.post("/v1/refresh", json=body))[1],
            "device": "" if known else "unknown",
        }


TAKEN = {"session cookie": "", "csrf token": "not_found", "refresh token": "", "device": ""}


@pytest.mark.requirement("H5")
async def test_a_rotation_of_the_root_secret_is_noticed_by_nobody(
    server: Server, prepared: Path, tmp_path: Path
) -> None:
    """Nodes are restarted one by one, twice: each of them takes what any other has handed out."""
    shutil.copy(prepared / "sekisho.db", tmp_path / "shared.db")
    url = f"sqlite:///{tmp_path / 'shared.db'}"

    def node(current: str, *others: str) -> AbstractAsyncContextManager[Served]:
        previous: dict[str, Any] = (
            {"root_secret_previous": ",".join(f"env:{each}" for each in others)} if others else {}
        )
        return server(database_url=url, root_secret=f"env:{current}", secrets=ROOTS, **previous)

    async with (
        node("OLD") as before,
        node("OLD", "NEW") as ready,
        node("NEW", "OLD") as after,
        node("NEW") as alone,
    ):
        await before.register()
        old = await Held.log_in(before)
        for beside in (before, ready, after):
            assert await old.codes(beside) == TAKEN
        between = await Held.log_in(ready)
        new = await Held.log_in(after)
        for beside in (ready, after):
            assert await between.codes(beside) == await new.codes(beside) == TAKEN
        assert await new.codes(alone) == TAKEN
        assert await old.codes(alone) == {
            "session cookie": "session_unknown",
            "csrf token": "session_unknown",
            "refresh token": "refresh_unknown",
            "device": "unknown",
        }
