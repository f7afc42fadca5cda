"""Keys that an operator gives, while the server runs: read again, followed, and never lost by a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sekisho.adapters.key_keeper import KeyKeeper
from sekisho.adapters.referred_keys import EVERY_LOCAL, EVERY_REMOTE, ReferredKeys
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.adapters.signer import JwsSigner
from sekisho.adapters.sqlite import SqliteStore
from sekisho.rules.keyring import Retire, RetiredKey
from sekisho.rules.refusals import Refusal
from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused
from sekisho_verify import HmacKey, KeySetUnavailable, SigningKey, Verifier
from tests.verify.tokens import EC, OKP, claims, refusal

NOW = 1_800_000_000.0
SHARED = b"zM3canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5" + b"Bf0Gj3Zt6Xc9Vm2Nq5Wr8Ek1Uy4Iop7A"
ROOT = Secret(b"R0otSecretOfTheTests-4fZ8qLw1nXc")


class Place:
    """A secret store with versions, and a clock: what a test changes between two looks."""

    def __init__(self, versions: Versions) -> None:
        self.versions = versions
        self.away = False
        self.reads = 0
        self.seconds = 0.0

    def __call__(self, _: str, /) -> Versions:
        """Give them, unless the store is away."""
        self.reads += 1
        if self.away:
            raise refused("store:key", Words("does not answer", "応答しません"), Words("wait", "待つ"))
        return self.versions

    def steady(self) -> float:
        """Seconds that never jump."""
        return self.seconds


class Node:
    """A server's keys on that place, kept as a running server keeps them."""

    def __init__(self, store: SqliteStore, place: Place) -> None:
        self.place = place
        secrets = Secrets({"store": place, "file": sources({})["file"]})
        self.keys = ReferredKeys("store:key", alg="ES256", secrets=secrets, store=store, steady=place.steady)
        self.told: list[tuple[str, Mapping[str, str]]] = []

    async def start(self) -> None:
        """As a server starts."""
        reading = await self.keys.open(now=NOW)
        refresh = derive_keys(ROOT).stateless_refresh
        self.signer = JwsSigner(reading.keys, refresh_keys=refresh, issuer="https://id.example.com")
        self.keeper = KeyKeeper(self.keys, reading, signer=self.signer, clock=lambda: NOW)

    async def step(self, seconds: float = EVERY_REMOTE) -> str:
        """Let time pass and look; the key that signs then."""
        self.place.seconds += seconds
        await self.keeper.step(lambda what, about: self.told.append((what, about)))
        return self.signer.kid

    def believed(self) -> list[str]:
        """The ids of the keys in use."""
        return [key.kid for key in self.signer.verification_keys()]


def a_set(*keys: SigningKey) -> Secret:
    """A JWK set of these."""
    return Secret(json.dumps({"keys": [key.to_private_jwk() for key in keys]}).encode())


async def node_of(store: SqliteStore, versions: Versions) -> Node:
    """A node that has started on these versions."""
    node = Node(store, Place(versions))
    await node.start()
    return node


@pytest.mark.requirement("A12")
async def test_a_set_is_followed_without_a_restart(store: SqliteStore) -> None:
    """Behind the one that signs a key is published; in front of it it signs; taken out it is not believed."""
    node = await node_of(store, Versions(a_set(EC)))
    assert (await node.step(), node.believed()) == (EC.kid, [EC.kid])
    for keys in ([EC, OKP], [OKP, EC], [OKP]):
        node.place.versions = Versions(a_set(*keys))
        assert await node.step() == keys[0].kid
        assert node.believed() == [key.kid for key in keys]
        assert [key["kid"] for key in node.signer.jwks()["keys"]] == [key.kid for key in keys]
    assert ("signing_key_current", {"kid": OKP.kid}) in node.told


@pytest.mark.requirement("A12")
async def test_versions_are_pending_current_and_previous(store: SqliteStore) -> None:
    """The stages of a store: all are published and believed, the current one signs, each shows as it is."""
    pending = SigningKey(EC._private, kid="next")
    node = await node_of(store, Versions(a_set(OKP), (a_set(EC),), a_set(pending)))
    assert await node.step() == OKP.kid
    assert node.believed() == [OKP.kid, "next", EC.kid]
    states = [(each.kid, each.state) for each in node.keeper.reading.standings]
    assert states == [(OKP.kid, "current"), ("next", "pending"), (EC.kid, "previous")]


@pytest.mark.requirement("J9")
async def test_a_version_of_another_kind_is_left_out(store: SqliteStore) -> None:
    """From a shared secret to a key pair: what was before cannot be taken out of a store, and never mixes."""
    node = await node_of(store, Versions(a_set(EC), (Secret(SHARED),)))
    assert node.believed() == [EC.kid]
    shared = await node_of(store, Versions(Secret(SHARED), (a_set(EC),)))
    assert shared.believed() == [HmacKey(SHARED).kid]
    assert shared.signer.jwks() == {"keys": []}


async def test_the_store_is_not_asked_at_every_look(store: SqliteStore, tmp_path: Path) -> None:
    """Over a network once a minute, this machine's files every five seconds; it starts with one reading."""
    node = await node_of(store, Versions(a_set(EC)))
    reads = node.place.reads
    for _ in range(int(EVERY_REMOTE) - 1):
        await node.step(1.0)
    assert node.place.reads == reads
    await node.step(1.0)
    assert node.place.reads == reads + 1
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_bytes(a_set(EC).reveal())
    place, secrets = Place(Versions(a_set(EC))), Secrets(sources({}))
    local = ReferredKeys(f"file:{file}", alg="ES256", secrets=secrets, store=store, steady=place.steady)
    await local.open(now=NOW)
    file.write_bytes(a_set(OKP).reveal())
    place.seconds = EVERY_LOCAL - 0.001
    assert [key.kid for key in (await local.read(now=NOW)).known] == [EC.kid]
    place.seconds = EVERY_LOCAL
    assert [key.kid for key in (await local.read(now=NOW)).known] == [OKP.kid]


async def test_a_store_that_is_away_takes_no_key_away(store: SqliteStore) -> None:
    """Logins go on; it is told once when it begins and once when it ends, and the age says how long."""
    node = await node_of(store, Versions(a_set(EC)))
    node.place.away = True
    for _ in range(3):
        assert await node.step() == EC.kid
    assert [what for what, _ in node.told] == ["signing_keys_unread"]
    assert "does not answer" in node.told[0][1]["detail"]
    assert node.keys.age() == 3 * EVERY_REMOTE
    node.place.away, node.place.versions = False, Versions(a_set(OKP))
    assert await node.step() == OKP.kid
    assert node.keys.age() == 0.0
    assert [what for what, _ in node.told][-1] == "signing_keys_read"


@pytest.mark.parametrize("content", [b"", b"short", b"{}", a_set(EC).reveal()[:-4], b'{"keys": []}'])
async def test_what_is_no_key_replaces_none(store: SqliteStore, content: bytes) -> None:
    """A slip of an operator at run time is told, and the keys from before stay; at a start it stops it."""
    node = await node_of(store, Versions(a_set(EC)))
    node.place.versions = Versions(Secret(content))
    assert await node.step() == EC.kid
    ((what, about),) = node.told
    assert what == "signing_keys_unread"
    assert "SEKISHO_SIGNING_KEY" in about["detail"]
    with pytest.raises(SettingsRefused):
        await Node(store, node.place).start()


async def test_a_database_that_is_away_takes_no_key_away(store: SqliteStore) -> None:
    """It is asked for what was retired; while it does not answer, what is known holds."""
    node = await node_of(store, Versions(a_set(EC)))
    await store.close()
    assert await node.step() == EC.kid
    assert [what for what, _ in node.told] == ["signing_keys_unread"]
    assert node.keys.age() == EVERY_REMOTE


async def retire(store: SqliteStore, key: SigningKey) -> None:
    """Somebody else has it."""
    gone = RetiredKey(key.kid, key.alg, key.thumbprint, NOW, compromised=True)
    await store.change_keys(Retire(gone, None), now=NOW, recorded=())


@pytest.mark.requirement("A12")
async def test_a_retired_key_is_not_used_whatever_the_store_says(store: SqliteStore) -> None:
    """At the next look the other one signs; also where the store is away; and a new name does not save it."""
    node = await node_of(store, Versions(a_set(EC, OKP)))
    await retire(store, EC)
    node.place.away = True
    assert await node.step(0.5) == OKP.kid
    assert node.believed() == [OKP.kid]
    node.place.away = False
    node.place.versions = Versions(a_set(SigningKey(EC._private, kid="another-name"), OKP))
    assert await node.step() == OKP.kid
    assert node.believed() == [OKP.kid]


@pytest.mark.requirement("A12")
async def test_where_every_key_is_retired_nothing_is_signed_or_believed(store: SqliteStore) -> None:
    """Rather no login than one by a key that somebody else has; a start on it is refused with what to do."""
    node = await node_of(store, Versions(a_set(EC)))
    verifier = Verifier(
        issuer="https://id.example.com",
        audience="api",
        keys=node.signer.source,
        feed=None,
        clock=lambda: NOW,
    )
    verifier.start()
    token = node.signer.sign(claims())
    assert verifier.verify(token).sub
    await retire(store, EC)
    with pytest.raises(Refusal) as told:
        await node.step(0.5)
    assert (told.value.code, node.believed()) == ("unavailable", [])
    assert node.signer.jwks() == {"keys": []}
    with pytest.raises(KeySetUnavailable):
        verifier.verify(token)
    with pytest.raises(SettingsRefused, match="has been retired; put another into it"):
        await Node(store, node.place).start()
    node.place.versions = Versions(a_set(OKP))
    assert await node.step() == OKP.kid


@pytest.mark.requirement("A12")
async def test_the_name_of_a_leaked_key_is_not_used_again(store: SqliteStore) -> None:
    """Verifiers refuse that kid for good, so a new key under it would have every token of it refused."""
    named = SigningKey(EC._private, kid="main")
    node = await node_of(store, Versions(a_set(named, OKP)))
    leaked = RetiredKey("main", named.alg, named.thumbprint, NOW, compromised=True)
    await store.change_keys(Retire(leaked, None), now=NOW, recorded=())
    assert await node.step() == OKP.kid
    again = SigningKey(generate_private_key(SECP256R1()), alg="ES256", kid="main")
    node.place.versions = Versions(a_set(again, OKP))
    assert await node.step() == OKP.kid
    assert node.believed() == [OKP.kid]
    assert any("main" in about["detail"] for what, about in node.told if what == "signing_keys_unread")
    node.place.versions = Versions(a_set(again))
    with pytest.raises(SettingsRefused, match="kid"):
        await Node(store, node.place).start()


@pytest.mark.requirement("J13")
async def test_a_pending_key_under_the_name_of_the_current_one_is_refused(store: SqliteStore) -> None:
    """Nobody could believe both, so its tokens would be refused from the promotion on: it is told before."""
    again = SigningKey(generate_private_key(SECP256R1()), alg="ES256", kid=OKP.kid)
    with pytest.raises(SettingsRefused, match="two keys have the same kid"):
        await node_of(store, Versions(a_set(OKP), (), a_set(again)))
    node = await node_of(store, Versions(a_set(OKP), (), a_set(OKP)))
    assert node.believed() == [OKP.kid], "the same key once more is no fault"


async def test_verifiers_follow_in_the_same_step(store: SqliteStore) -> None:
    """The server's own verifier believes a new key from the moment it signs, and forgets one that is gone."""
    node = await node_of(store, Versions(a_set(EC)))
    verifier = Verifier(
        issuer="https://id.example.com", audience="api", keys=node.signer.source, feed=None, clock=lambda: NOW
    )
    verifier.start()
    old = node.signer.sign(claims())
    assert verifier.verify(old).sub
    node.place.versions = Versions(a_set(OKP, EC))
    await node.step()
    assert verifier.verify(node.signer.sign(claims())).sub
    assert verifier.verify(old).sub
    await retire(store, EC)
    await node.step(0.5)
    assert refusal(old, verifier) == "token_alg_not_allowed"
    assert verifier.key_status.kids == (OKP.kid,)
    verifier.stop()
    with pytest.raises(KeySetUnavailable):
        verifier._ring.open(old)
