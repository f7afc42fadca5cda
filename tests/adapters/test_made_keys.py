"""The keys that the server makes: in files, or sealed in the database; agreed on, adopted, and kept up."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from sekisho.adapters.key_files import KeyFiles
from sekisho.adapters.key_making import make_key
from sekisho.adapters.key_reading import Reading
from sekisho.adapters.made_keys import MadeKeys
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.sealed_keys import SealedKeys
from sekisho.adapters.sealing import Sealing
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.sqlite import SqliteStore
from sekisho.adapters.system import entropy, steady
from sekisho.flows.signing_keys import KeyRoom, RetireRequest, retire, rotate, upkeep
from sekisho.house import open_house
from sekisho.rules.keyring import AddFirst, Drop, KeyTimes, Reseal
from sekisho.settings import Alg, SettingsRefused, read_settings
from sekisho_verify import SigningKey

NOW = 1_795_219_200.0  # 2026-11-21 00:00 UTC
TIMES = KeyTimes(lead=420.0, believed=1020.0, age=90 * 86_400.0)
ROOT, OTHER = Secret(b"R0otSecretOfTheTests-4fZ8qLw1nXc"), Secret(b"An0therSecretOfTests-7hY2vKd9pMs")
SEALING, OTHER_SEALING = derive_keys(ROOT).sealing, derive_keys(OTHER).sealing
BOTH = derive_keys(OTHER, [ROOT]).sealing


class Node:
    """One server's keys, and what is done to them; its clock is a number."""

    def __init__(self, store: SqliteStore, place: KeyFiles | SealedKeys, alg: Alg = "ES256") -> None:
        self.now = NOW
        self.keys = MadeKeys(store, place, alg=alg, times=TIMES, entropy=entropy, steady=steady)
        self.room = KeyRoom(store, self.keys.make, self.keys.forget, TIMES, lambda: self.now, entropy)

    async def start(self) -> Reading:
        """As at the start of a server."""
        return await self.keys.open(now=self.now)

    async def look(self) -> Reading:
        """As twice a second."""
        return await self.keys.read(now=self.now)

    async def signs(self) -> str:
        """The key that signs now."""
        return signing(await self.look()).kid


def signing(reading: Reading) -> SigningKey:
    """The key that signs."""
    assert reading.keys is not None
    assert isinstance(reading.keys.signing, SigningKey)
    return reading.keys.signing


def in_files(store: SqliteStore, data: Path, alg: Alg = "ES256") -> Node:
    """A node whose keys are files."""
    return Node(store, KeyFiles(data, entropy), alg)


def sealed(store: SqliteStore, sealing: Sealing = SEALING, alg: Alg = "ES256") -> Node:
    """A node whose keys are in the database."""
    return Node(store, SealedKeys(sealing, entropy), alg)


@pytest.fixture(params=["files", "sealed"])
def node(request: pytest.FixtureRequest, store: SqliteStore, tmp_path: Path) -> Node:
    """A node of each kind."""
    return in_files(store, tmp_path) if request.param == "files" else sealed(store)


def first_of(data: Path, alg: Alg = "ES256", now: float = NOW) -> list[str]:
    """The ids of the keys that a database without any begins with."""
    return [key.kid for key in KeyFiles(data, entropy).first(alg, now=now)]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256"])
async def test_made_in_the_directory(store: SqliteStore, tmp_path: Path, alg: Alg) -> None:
    """A first start makes one 0600 file that later starts read back, whatever the setting says by then."""
    made = await in_files(store, tmp_path, alg).start()
    (standing,) = made.standings
    assert (standing.alg, standing.state) == (alg, "current")
    (file,) = (tmp_path / "keys").iterdir()
    assert file.name == f"2026-11-21-{alg}-{standing.kid}.{'jwk' if alg.startswith('HS') else 'pem'}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (await in_files(store, tmp_path, "EdDSA").start()).known == made.known
    (row,) = (await store.signing_keys()).keys
    assert (row.kid, row.sealed) == (standing.kid, b""), "nothing of it is in the database"


def test_servers_that_start_at_once_agree_on_a_file(tmp_path: Path) -> None:
    """Four processes on one empty directory end up with one key and leave nothing else behind."""
    with ProcessPoolExecutor(4) as pool:
        assert len({tuple(kids) for kids in pool.map(first_of, [tmp_path] * 4)}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    assert len(list((tmp_path / "keys").iterdir())) == 1


async def test_files_of_the_release_before_are_adopted(store: SqliteStore, tmp_path: Path) -> None:
    """They have signed since the day of their names, the newest still does, and its age counts."""
    (former,) = first_of(tmp_path / "a", "ES256", NOW - 100 * 86_400)
    (newest,) = first_of(tmp_path / "b", "EdDSA", NOW - 86_400)
    (file,) = (tmp_path / "b" / "keys").iterdir()
    file.rename(tmp_path / "a" / "keys" / file.name)
    node = in_files(store, tmp_path / "a", "RS256")
    reading = await node.start()
    assert signing(reading).kid == newest
    rows = (await store.signing_keys()).keys
    assert [(row.kid, row.signs_at) for row in rows] == [(former, NOW - 100 * 86_400), (newest, NOW - 86_400)]


@pytest.mark.requirement("H5")
async def test_directories_that_stop_the_start(store: SqliteStore, tmp_path: Path) -> None:
    """A key that others can read, a renamed or changed key, and a stray at the first start each stop it."""
    keys = tmp_path / "keys"
    kid = signing(await in_files(store, tmp_path).start()).kid
    (file,) = keys.iterdir()

    async def stops(words: str) -> None:
        with pytest.raises(SettingsRefused, match=words):
            await in_files(store, tmp_path).start()

    file.chmod(0o644)
    await stops(f"chmod 600 {file}")
    file.chmod(0o600)
    keys.chmod(0o750)
    await stops(f"chmod 700 {keys}")
    keys.chmod(0o700)
    renamed = file.with_name(file.name.replace("ES256", "EdDSA"))
    file.rename(renamed)
    await stops("not EdDSA|not 'EdDSA'")
    renamed.rename(file)
    content = file.read_bytes()
    file.write_bytes(make_key("ES256", entropy=entropy).content)
    await stops("not hold the key that its name says")
    file.write_bytes(content)
    stray = keys / "old.pem"
    stray.touch(0o600)
    assert signing(await in_files(store, tmp_path).start()).kid == kid, "no row names the stray"
    await store.change_keys(Drop((kid,)), now=NOW, recorded=())
    await stops("the name is not DATE-ALG-KID")


@pytest.mark.parametrize("alg", ["HS256", "ES256", "EdDSA"])
async def test_sealed_in_the_database(store: SqliteStore, alg: Alg) -> None:
    """A first start seals one key; its row shows nothing of it, an event tells, later starts read it."""
    first = await sealed(store, alg=alg).start()
    assert first.keys is not None
    (row,) = (await store.signing_keys()).keys
    assert (row.alg, row.created_at, row.signs_at) == (alg, NOW, NOW)
    members = first.keys.signing.to_private_jwk()
    private = members.get("d") or members["k"]
    assert private.encode() not in row.sealed
    again = await sealed(store, alg="RS256").start()
    assert again.keys is not None
    assert again.keys.signing.to_private_jwk() == members
    (event,) = await store.list_events()
    assert (event.kind, event.about) == ("signing_key_added", {"kid": row.kid, "alg": alg})
    assert private not in repr(event) + repr(row) + repr(first)


async def test_nodes_that_start_at_once_agree(store: SqliteStore) -> None:
    """Eight nodes that find an empty database sign with one and the same key, and one event tells of it."""
    started = await asyncio.gather(*(sealed(store).start() for _ in range(8)))
    assert len({signing(reading).kid for reading in started}) == 1
    assert len(await store.list_events()) == 1


@pytest.mark.requirement("H5")
async def test_another_root_secret_opens_nothing(store: SqliteStore) -> None:
    """A node under another root secret stops with words about it, and makes no second key."""
    await sealed(store).start()
    with pytest.raises(SettingsRefused, match="SEKISHO_ROOT_SECRET: does not open the signing keys"):
        await sealed(store, OTHER_SEALING).start()
    assert len((await store.signing_keys()).keys) == 1


@pytest.mark.requirement("H5")
async def test_a_start_puts_keys_under_the_new_root_secret(store: SqliteStore) -> None:
    """With the former root beside it every key is sealed anew; then the former one opens nothing any more."""
    before = sealed(store)
    await before.start()
    await rotate(before.room, at_once=False)
    keys = (await before.look()).known
    nodes = [sealed(store, BOTH) for _ in range(3)]
    assert {(await node.start()).known for node in nodes} == {keys}
    rows = (await store.signing_keys()).keys
    assert all(OTHER_SEALING.is_current(row.sealed) for row in rows)
    assert (await sealed(store, OTHER_SEALING).start()).known == keys
    assert (await sealed(store, BOTH).start()).known == keys
    assert (await store.signing_keys()).keys == rows, "once, not at each start"
    with pytest.raises(SettingsRefused, match="under another root secret"):
        await sealed(store).start()
    assert (await before.look()).known == keys, "a node that has them open goes on"


async def test_a_crash_between_two_seals_is_finished_by_the_next_start(store: SqliteStore) -> None:
    """Each row is under one seal or the other, and a start with both roots opens either."""
    node = sealed(store)
    await node.start()
    await rotate(node.room, at_once=False)
    first, second = (await store.signing_keys()).keys
    half = SealedKeys(BOTH, entropy).reseal(first)
    assert half is not None
    await store.change_keys(Reseal(first.kid, first.sealed, half), now=NOW, recorded=())
    assert {key.kid for key in (await sealed(store, BOTH).start()).known} == {first.kid, second.kid}
    assert all(OTHER_SEALING.is_current(row.sealed) for row in (await store.signing_keys()).keys)


@pytest.mark.requirement("A12")
async def test_a_rotation_from_beginning_to_end(node: Node, store: SqliteStore, tmp_path: Path) -> None:
    """Published, then signing after the lead, then gone with all that was kept of it, to the exact second."""
    old = signing(await node.start()).kid
    node.now = NOW + 1000
    outcome, standings = await rotate(node.room, at_once=False)
    assert outcome == "added"
    assert [(each.kid == old, each.state, each.until) for each in standings] == [
        (False, "pending", NOW + 1420),
        (True, "current", NOW + 1420),
    ]
    new = standings[0].kid
    reading = await node.look()
    assert reading.keys is not None
    assert [key.kid for key in reading.keys.published] == [new, old]
    assert await rotate(node.room, at_once=False) == ("unchanged", standings)
    for now, kid in ((NOW + 1419.999, old), (NOW + 1420, new)):
        node.now = now
        assert await node.signs() == kid
    for now, kids in ((NOW + 2439.999, [new, old]), (NOW + 2440, [new])):
        node.now = now
        assert [key.kid for key in (await node.look()).known] == kids
        assert node.keys.upkeep_due(now=now) is (len(kids) == 1)
        await upkeep(node.room)
        assert [row.kid for row in (await store.signing_keys()).keys] == kids[::-1]
    if (tmp_path / "keys").exists():
        (file,) = (tmp_path / "keys").iterdir()
        assert new in file.name
    kinds = [event.kind for event in await store.list_events()]
    assert kinds == ["signing_key_dropped", "signing_key_added", "signing_key_added"]


async def test_at_once_means_now(node: Node, store: SqliteStore) -> None:
    """A new key signs at once; one that is pending is brought forward, and stays the only one."""
    first = signing(await node.start()).kid
    assert (await rotate(node.room, at_once=True))[0] == "added"
    second = await node.signs()
    assert second != first
    _, (pending, *_) = await rotate(node.room, at_once=False)
    outcome, standings = await rotate(node.room, at_once=True)
    assert (outcome, standings[0].kid, standings[0].state) == ("promoted", pending.kid, "current")
    assert await node.signs() == pending.kid
    assert len((await store.signing_keys()).keys) == 3


@pytest.mark.parametrize("kind", ["files", "sealed"])
async def test_nodes_that_rotate_at_once_leave_one_pending_key(
    store: SqliteStore, tmp_path: Path, kind: str
) -> None:
    """Six nodes: one key is added, every one is told of that one, and nothing is kept of the others."""
    nodes = [in_files(store, tmp_path) if kind == "files" else sealed(store) for _ in range(6)]
    for node in nodes:
        await node.start()
    rotated = await asyncio.gather(*(rotate(node.room, at_once=False) for node in nodes))
    assert sorted(outcome for outcome, _ in rotated) == ["added"] + ["unchanged"] * 5
    assert len({standings for _, standings in rotated}) == 1
    readings = [await node.look() for node in nodes]
    assert len({reading.known for reading in readings}) == 1
    assert len(readings[0].known) == 2
    if kind == "files":
        assert len(list((tmp_path / "keys").iterdir())) == 2


async def test_keys_follow_each_other_by_age(node: Node, store: SqliteStore) -> None:
    """Unattended: the next is published the lead before the age, and signs when the present one is of age."""
    first = signing(await node.start()).kid
    assert TIMES.age is not None
    node.now = NOW + TIMES.age - TIMES.lead - 0.001
    await node.look()
    assert not node.keys.upkeep_due(now=node.now)
    await upkeep(node.room)
    assert len((await store.signing_keys()).keys) == 1
    node.now += 0.001
    assert node.keys.upkeep_due(now=node.now)
    await upkeep(node.room)
    assert await node.signs() == first
    assert not node.keys.upkeep_due(now=node.now)
    node.now = NOW + TIMES.age
    assert await node.signs() != first


async def test_the_next_key_has_the_algorithm_of_the_setting(store: SqliteStore) -> None:
    """From ES256 to EdDSA by a rotation; never from key pairs to shared secrets, which no verifier holds."""
    await sealed(store, alg="ES256").start()
    node = sealed(store, alg="EdDSA")
    await node.start()
    await rotate(node.room, at_once=True)
    assert signing(await node.look()).alg == "EdDSA"
    other = sealed(store, alg="HS256")
    await other.start()
    await rotate(other.room, at_once=True)
    assert signing(await other.look()).alg == "EdDSA"


async def test_a_rotation_that_ended_between_file_and_row_counts_for_nothing(
    store: SqliteStore, tmp_path: Path
) -> None:
    """The file of a process that was killed is no key; servers start, and the next rotation is whole."""
    node = in_files(store, tmp_path)
    old = signing(await node.start()).kid
    orphan = await node.keys.make(NOW, NOW)
    assert await node.signs() == old
    again = in_files(store, tmp_path)
    assert [key.kid for key in (await again.start()).known] == [old]
    _, standings = await rotate(again.room, at_once=False)
    assert orphan.kid not in {each.kid for each in standings}
    assert [each.state for each in standings] == ["pending", "current"]


async def test_a_key_whose_file_is_gone_is_gone(store: SqliteStore, tmp_path: Path) -> None:
    """The one before takes its place; where there is none, a new one is made, and the server starts."""
    node = in_files(store, tmp_path)
    first = signing(await node.start()).kid
    await rotate(node.room, at_once=True)
    second = await node.signs()
    await node.keys.forget([second])
    assert signing(await in_files(store, tmp_path).start()).kid == first
    await node.keys.forget([first])
    third = signing(await in_files(store, tmp_path).start()).kid
    assert third not in {first, second}
    assert signing(await in_files(store, tmp_path).start()).kid == third


def asked(reading: Reading, kid: str, *, compromised: bool) -> RetireRequest:
    """What an operator asks."""
    (key,) = [each for each in reading.known if each.kid == kid]
    standing = next(each for each in reading.standings if each.kid == kid)
    return RetireRequest(kid, key.alg, key.thumbprint, standing, compromised, others=reading.others_sign(kid))


@pytest.mark.requirement("A12")
async def test_a_leaked_key_never_comes_back(node: Node, store: SqliteStore, tmp_path: Path) -> None:
    """Not with its file or its row restored: it is known by its thumbprint, and another signs meanwhile."""
    old = signing(await node.start())
    (row,) = (await store.signing_keys()).keys
    kept = {path: path.read_bytes() for path in (tmp_path / "keys").glob("*")}
    request = asked(await node.look(), old.kid, compromised=True)
    await retire(request, room=node.room, store=store, clock=lambda: NOW, entropy=entropy)
    new = await node.signs()
    assert new != old.kid
    assert not any(path.exists() for path in kept)
    for path, content in kept.items():
        path.touch(0o600)
        path.write_bytes(content)
    await store.change_keys(Drop((new,)), now=NOW, recorded=())
    await store.change_keys(AddFirst((row,)), now=NOW, recorded=())
    assert (await node.look()).keys is None, "nothing signs rather than that key"
    reading = await node.start()
    assert old.kid not in {key.kid for key in reading.known}
    assert signing(reading).kid != old.kid


@pytest.mark.requirement("H5")
async def test_where_the_pending_key_may_have_leaked_too_a_third_one_signs(
    node: Node, store: SqliteStore
) -> None:
    """As the guide says: the pending one is retired first, and nobody has seen the key that takes over."""
    old = signing(await node.start()).kid
    await rotate(node.room, at_once=False)
    pending = (await node.look()).standings[0].kid
    for kid in (pending, old):
        request = asked(await node.look(), kid, compromised=True)
        await retire(request, room=node.room, store=store, clock=lambda: NOW, entropy=entropy)
    reading = await node.look()
    assert [each.state for each in reading.standings] == ["current"]
    assert signing(reading).kid not in {old, pending}


@pytest.mark.requirement("H5")
async def test_two_who_retire_each_others_key_leave_no_server_without_one(tmp_path: Path) -> None:
    """One locks out the key that signs, one the key that would take over: running servers make another."""
    settings = read_settings({"SEKISHO_DATA": str(tmp_path / "data")})
    told: list[str] = []
    async with open_house(settings, environ={}) as house, open_house(settings, environ={}) as other:
        assert house.key_room is not None
        await rotate(house.key_room, at_once=False)
        reading = await house.keyring.look()
        new, old = reading.standings
        assert (new.state, old.state) == ("pending", "current")
        for kid in (old.kid, new.kid):
            request = asked(reading, kid, compromised=True)
            await retire(
                request, room=house.key_room, store=house.store, clock=house.clock, entropy=house.entropy
            )
        assert (await house.store.signing_keys()).keys == ()
        for each in (house, other):
            await each.keyring.step(lambda what, _about: told.append(what))
        assert house.signer.kid == other.signer.kid
        assert house.signer.kid not in {old.kid, new.kid}
        (added,) = (await house.store.signing_keys()).keys
        assert added.kid == house.signer.kid
        assert "signing_key_current" in told


async def test_reading_costs_nothing_while_nothing_changes(node: Node) -> None:
    """The same object comes back until a row changes or a step is due: no key is built twice a second."""
    first = await node.start()
    node.now += 3600
    assert await node.look() is first
    await rotate(node.room, at_once=False)
    second = await node.look()
    assert second is not first
    node.now += TIMES.lead - 1
    assert await node.look() is second
    node.now += 1
    assert await node.look() is not second


@pytest.mark.requirement("H5")
def test_private_parts_are_not_printed() -> None:
    """A new key does not show what it holds."""
    made = make_key("HS256", entropy=os.urandom)
    assert made.content.decode() not in repr(made)
    assert repr(made).count("[redacted]") == 1
