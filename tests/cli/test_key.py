"""The keys at the command line: shown, rotated, retired, and locked out when they leak."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import Result

from sekisho.rules.keyring import LEAD
from sekisho_verify import HmacKey, SigningKey, key_from_jwk
from sekisho_verify.encoding import b64url_encode
from tests.verify.tokens import EC, OKP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

SECRET = "an operator's secret of more than thirty-two bytes"


@pytest.fixture(autouse=True)
def database(sekisho: Run) -> None:
    """There is one."""
    assert sekisho("db", "migrate").exit_code == 0


def listed(sekisho: Run, **settings: str) -> list[dict[str, Any]]:
    """The keys, the newest first."""
    result = sekisho("key", "list", "--json", **settings)
    assert result.exit_code == 0, result.stderr
    keys: list[dict[str, Any]] = json.loads(result.stdout)["keys"]
    return keys


def states(sekisho: Run, **settings: str) -> list[tuple[str, str]]:
    """Id and state of each."""
    return [(key["kid"], key["state"]) for key in listed(sekisho, **settings)]


def posix(instant: str) -> float:
    """The seconds of an instant as commands print it."""
    return datetime.fromisoformat(instant).timestamp()


def given(tmp_path: Path, *keys: SigningKey) -> dict[str, str]:
    """Settings for a JWK set of these."""
    file = tmp_path / "keys.json"
    file.touch(0o600)
    file.write_text(json.dumps({"keys": [key.to_private_jwk() for key in keys]}))
    return {"SEKISHO_SIGNING_KEY": f"file:{file}"}


def conflict(result: Result) -> list[str]:
    """What was said and what to do, of a command that was refused as a conflict."""
    assert (result.exit_code, result.stdout) == (5, "")
    said: list[str] = result.stderr.splitlines()
    return said


@pytest.mark.requirement("A12")
def test_keys_are_shown_and_secrets_are_not(sekisho: Run) -> None:
    """The JWK set has the public key of the one that signs; with a shared secret it is empty."""
    (key,) = listed(sekisho)
    (public,) = json.loads(sekisho("key", "jwks").stdout)["keys"]
    assert (key["alg"], key["state"], key["signs"], key["until"]) == ("ES256", "current", True, None)
    assert public["kid"] == key["kid"]
    assert "d" not in public
    shared = {"SEKISHO_SIGNING_KEY": "env:GIVEN_KEY", "GIVEN_KEY": SECRET}
    assert json.loads(sekisho("key", "jwks", **shared).stdout) == {"keys": []}
    shown = sekisho("key", "list", **shared)
    assert shown.stdout.split("\t")[1:3] == ["HS256", "current"]
    assert SECRET not in shown.stdout + sekisho("config", "show", **shared).stdout


@pytest.mark.requirement("A12")
def test_a_rotation_says_what_happens_when(sekisho: Run) -> None:
    """The next key is published and signs after the lead; to rotate again meanwhile changes nothing."""
    (old,) = listed(sekisho)
    rotated = sekisho("key", "rotate")
    assert rotated.exit_code == 0
    new, former = listed(sekisho)
    assert (new["state"], former["state"], former["kid"]) == ("pending", "current", old["kid"])
    assert posix(new["until"]) - posix(new["since"]) == LEAD
    assert former["until"] == new["until"]
    assert rotated.stdout.splitlines() == [
        "\t".join((new["kid"], "ES256", "pending", new["since"], new["until"])),
        "\t".join((old["kid"], "ES256", "current", old["since"], new["until"])),
    ]
    assert rotated.stderr.splitlines() == [
        "A new key is published. Every server follows within a second; nothing has to be restarted.",
        f"{new['kid']} signs from {new['until']} on.",
    ]
    again = json.loads(sekisho("key", "rotate", "--json").stdout)
    assert (again["outcome"], again["keys"]) == ("unchanged", [new, former])
    assert [key["kid"] for key in json.loads(sekisho("key", "jwks").stdout)["keys"]] == [
        new["kid"],
        old["kid"],
    ]


def test_at_once_the_key_that_was_pending_signs(sekisho: Run) -> None:
    """The one that is pending, and no third."""
    (old,) = listed(sekisho)
    sekisho("key", "rotate")
    pending = listed(sekisho)[0]["kid"]
    rotated = sekisho("key", "rotate", "--now")
    assert states(sekisho) == [(pending, "current"), (old["kid"], "previous")]
    former = listed(sekisho)[1]
    assert posix(former["until"]) - posix(former["since"]) > 900
    assert f"{old['kid']} is believed until {former['until']}" in rotated.stderr


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_every_kind_of_key_rotates_with_a_kid(sekisho: Run, data: Path, alg: str) -> None:
    """Shared secrets too: the file of the next one is there for `HmacKeySource` before it signs."""
    for file in (data / "keys").glob("*"):
        file.unlink()
    first = listed(sekisho, SEKISHO_SIGNING_ALG=alg)[0]["kid"]
    settings = {"SEKISHO_SIGNING_ALG": alg}
    sekisho("key", "rotate", **settings)
    (second, state), (current, _) = states(sekisho, **settings)[:2]
    assert (state, current) == ("pending", first)
    if alg == "HS256":
        held = [key_from_jwk(file.read_bytes()) for file in sorted((data / "keys").glob("*.jwk"))]
        assert {key.kid for key in held} == {first, second}
        assert all(isinstance(key, HmacKey) for key in held)


@pytest.mark.requirement("A12")
def test_a_shared_secret_is_handed_to_verifiers_in_a_file(sekisho: Run, data: Path, tmp_path: Path) -> None:
    """New, 0600, and a key again; on stdout only where that is asked; a key pair is refused."""
    (pair,) = listed(sekisho)
    file = tmp_path / "next.jwk"
    said, fix = conflict(sekisho("key", "export", pair["kid"], "--secret-file", str(file)))
    assert (pair["kid"] in said, "sekisho key jwks" in fix, file.exists()) == (True, True, False)
    (data / "sekisho.db").unlink()
    for each in (data / "keys").glob("*"):
        each.unlink()
    settings = {"SEKISHO_SIGNING_ALG": "HS256"}
    assert sekisho("db", "migrate").exit_code == 0
    kid = listed(sekisho, **settings)[0]["kid"]
    done = sekisho("key", "export", kid, "--secret-file", str(file), **settings)
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    held = key_from_jwk(file.read_bytes())
    assert (type(held), held.kid, held.alg) == (HmacKey, kid, "HS256")
    secret = json.loads(file.read_text())["k"]
    assert secret not in done.stderr
    conflict(sekisho("key", "export", kid, "--secret-file", str(file), **settings))
    assert json.loads(file.read_text())["k"] == secret
    asked = sekisho("key", "export", kid, "--secret-file", "-", **settings)
    assert json.loads(asked.stdout)["k"] == secret
    assert sekisho("key", "export", kid, **settings).exit_code == 2
    assert sekisho("key", "export", "other", "--secret-file", "-", **settings).exit_code == 3


def test_the_key_that_signs_is_not_simply_retired(sekisho: Run) -> None:
    """It is refused with what to do; a pending or previous one goes, and its file with it."""
    (old,) = listed(sekisho)
    assert conflict(sekisho("key", "retire", old["kid"])) == [
        f"error[conflict]: {old['kid']} is the key that signs",
        (
            "fix: sekisho key rotate, and retire it when the next one signs; "
            "or --compromised, if somebody else has it"
        ),
    ]
    sekisho("key", "rotate")
    pending = listed(sekisho)[0]["kid"]
    assert sekisho("key", "retire", pending).exit_code == 0
    assert states(sekisho) == [(old["kid"], "current")]
    sekisho("key", "rotate", "--now")
    retired = sekisho("key", "retire", old["kid"])
    assert retired.stderr == f"Retired {old['kid']}. Verifiers drop it when they next load the keys.\n"
    assert old["kid"] not in {kid for kid, _ in states(sekisho)}
    shown = json.loads(sekisho("key", "list", "--json").stdout)["retired"]
    assert {(key["kid"], key["compromised"]) for key in shown} == {(old["kid"], False), (pending, False)}


@pytest.mark.parametrize("command", [["retire", "nobody"], ["retire", "nobody", "--compromised"]])
def test_a_key_that_is_not_there_is_not_found(sekisho: Run, command: list[str]) -> None:
    """A slip of the pen locks nothing out, and says so: exit code 3."""
    result = sekisho("key", *command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error[not_found]: no key nobody")


@pytest.mark.parametrize("kid", ["-hXq3vGm", f"-{'h' * 42}", f"--{'h' * 41}"])
def test_a_key_id_that_begins_with_a_dash_is_no_option(sekisho: Run, kid: str) -> None:
    """One in 64 does; in a leak nobody should have to know of `--`. Options beside it are still options."""
    for arguments in (("retire", kid, "--compromised"), ("retire", "--compromised", "--", kid)):
        result = sekisho("key", *arguments)
        assert result.exit_code == 3, result.stderr
        assert result.stderr.startswith(f"error[not_found]: no key {kid}\n")
    exported = sekisho("key", "export", kid, "--secret-file", "-")
    assert exported.stderr.startswith(f"error[not_found]: no key {kid}\n")
    assert sekisho("key", "retire", "--compromized", "nobody").exit_code == 2


def test_a_leaked_key_is_gone_at_once_and_another_signs(sekisho: Run, data: Path) -> None:
    """Also where nobody has rotated; its file is deleted, and put back it counts for nothing."""
    (old,) = listed(sekisho)
    (file,) = (data / "keys").iterdir()
    content = file.read_bytes()
    assert sekisho("key", "retire", old["kid"], "--compromised").exit_code == 0
    ((new, state),) = states(sekisho)
    assert (new != old["kid"], state) == (True, "current")
    assert not file.exists()
    file.touch(0o600)
    file.write_bytes(content)
    assert states(sekisho) == [(new, "current")]
    again = sekisho("key", "retire", old["kid"], "--compromised")
    assert again.exit_code == 0, "to be sure is no fault"
    assert states(sekisho) == [(new, "current")]


def test_a_key_that_was_retired_may_turn_out_to_have_leaked(sekisho: Run) -> None:
    """It is published then, though it is not in use any more."""
    (old,) = listed(sekisho)
    sekisho("key", "rotate", "--now")
    sekisho("key", "retire", old["kid"])
    assert sekisho("key", "retire", old["kid"], "--compromised").exit_code == 0
    (shown,) = json.loads(sekisho("key", "list", "--json").stdout)["retired"]
    assert (shown["kid"], shown["compromised"]) == (old["kid"], True)


def test_given_keys_are_rotated_where_they_are(sekisho: Run, tmp_path: Path) -> None:
    """The command says so, and in which order."""
    settings = given(tmp_path, EC)
    what, fix = conflict(sekisho("key", "rotate", **settings))
    assert what == (
        f"error[conflict]: the signing keys are those of {settings['SEKISHO_SIGNING_KEY']}: "
        "they are rotated there"
    )
    assert "first behind the one that signs, later in front of it" in fix


def test_a_given_key_that_leaked_needs_another_first(sekisho: Run, tmp_path: Path) -> None:
    """Alone it is refused with what to do; with another behind it that one signs, and the place is named."""
    alone = given(tmp_path, EC)
    what, fix = conflict(sekisho("key", "retire", EC.kid, "--compromised", **alone))
    assert what == f"error[conflict]: {EC.kid} is the key that signs"
    assert fix.startswith(f"fix: put another private key into {alone['SEKISHO_SIGNING_KEY']} first")
    both = given(tmp_path, EC, OKP)
    assert states(sekisho, **both) == [(EC.kid, "current"), (OKP.kid, "believed")]
    assert conflict(sekisho("key", "retire", EC.kid, **both))[1].startswith("fix: put another private key in")
    retired = sekisho("key", "retire", EC.kid, "--compromised", **both)
    assert f"Now take {EC.kid} out of {both['SEKISHO_SIGNING_KEY']}" in retired.stderr
    assert states(sekisho, **both) == [(OKP.kid, "current")]
    alone = given(tmp_path, EC)
    refused = sekisho("key", "list", **alone)
    assert refused.exit_code == 1
    assert "every private key in it has been retired; put another into it" in refused.stderr


def test_a_rotation_says_it_in_japanese(sekisho: Run) -> None:
    """Words follow the language; ids and instants are what they are."""
    rotated = sekisho("key", "rotate", SEKISHO_LANG="ja")
    new = listed(sekisho)[0]
    assert rotated.stderr.splitlines()[1] == f"{new['kid']} は {new['until']} から署名します。"


def test_the_age_of_keys_is_a_duration_or_off(sekisho: Run) -> None:
    """`off` and 0 are one; an age below an hour is refused with what it may be."""
    for text in ("off", "0"):
        shown = json.loads(sekisho("config", "show", "--json", SEKISHO_SIGNING_KEY_AGE=text).stdout)
        assert shown["SEKISHO_SIGNING_KEY_AGE"] == {"value": "off", "source": "environment"}
    refused = sekisho("config", "show", SEKISHO_SIGNING_KEY_AGE="5m")
    assert refused.exit_code == 1
    assert "use 1h to 3660d" in refused.stderr


def test_other_roots_are_shown_as_references(sekisho: Run, tmp_path: Path) -> None:
    """Several, in order; a variable that one of them names is no stray setting."""
    root = b64url_encode(bytes(range(1, 49))).decode()
    for name in ("one", "two"):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(root + name)
    settings = {
        "SEKISHO_ROOT_SECRET_PREVIOUS": f"file:{tmp_path}/one, env:SEKISHO_OLD_ROOT",
        "SEKISHO_OLD_ROOT": root,
    }
    shown = json.loads(sekisho("config", "show", "--json", **settings).stdout)
    assert shown["SEKISHO_ROOT_SECRET_PREVIOUS"]["value"] == f"file:{tmp_path}/one, env:SEKISHO_OLD_ROOT"
    assert sekisho("key", "list", **settings).exit_code == 0
    refused = sekisho("config", "show", SEKISHO_ROOT_SECRET_PREVIOUS=f"file:{tmp_path}/one, {root}")
    assert refused.exit_code == 1
    assert root not in refused.stderr


def test_instants_are_in_utc(sekisho: Run) -> None:
    """As everywhere: to the second, with a Z."""
    (key,) = listed(sekisho)
    assert key["since"].endswith("Z")
    assert abs(posix(key["since"]) - datetime.now(UTC).timestamp()) < 120
