"""Whatever prints, copies, encodes or compares a secret by accident: it shows nothing, or refuses."""

from __future__ import annotations

import base64
import copy
import io
import json
import logging
import os
import pickle
import pprint
import string
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from sekisho.adapters.given_keys import given_keys
from sekisho.adapters.key_files import KeyFiles
from sekisho.adapters.postgres.connecting import target
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.adapters.secrets.versions import Versions
from sekisho.adapters.sql.operation import Statement
from sekisho.cli.options import Given, Surroundings
from sekisho.cli.wording import wording
from sekisho.rules.opaque import MacKey
from sekisho.rules.session import Client
from sekisho.settings import SettingsRefused, read_settings
from sekisho.web import bodies
from sekisho.web.cookies import Cookies
from sekisho.web.endpoint import Answer, Call, Content
from sekisho.web.logs import ConsoleLines, JsonLines
from sekisho.web.pages import Data, Download, Html, SeeOther
from sekisho.web.wire import Reply
from sekisho_verify import HmacKey, SigningKey

pytestmark = pytest.mark.requirement("H5")

CANARY = "zM3canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5"
RAW = CANARY.encode()
RSA_KEY = rsa.generate_private_key(65537, 2048)


def forms(secret: bytes) -> set[str]:
    """The spellings in which a secret could be shown."""
    return {
        secret.decode("latin-1"),
        repr(secret)[2:-1],
        secret.hex(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
    }


def private_bytes(key: SigningKey) -> bytes:
    """The secret number of a key pair, as its JWK has it."""
    text = key.to_private_jwk()["d"]
    return base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))


EC = SigningKey(ec.generate_private_key(ec.SECP256R1()))
ED = SigningKey(ed25519.Ed25519PrivateKey.generate())
RSA = SigningKey(RSA_KEY)
DERIVED = derive_keys(Secret(RAW))

#: What holds a secret, and the bytes that nobody may see.
HOLDERS: dict[str, tuple[Any, bytes]] = {
    "secret": (Secret(RAW), RAW),
    "versions": (Versions(Secret(RAW), (Secret(RAW),), Secret(RAW)), RAW),
    "mac key": (MacKey(b"name", RAW), RAW),
    "derived keys": (DERIVED, DERIVED.refresh.current.secret),
    "sealing key": (DERIVED.sealing, DERIVED.sealing.keys.current.secret),
    "hmac key": (HmacKey(RAW), RAW),
    "ec key": (EC, private_bytes(EC)),
    "ed25519 key": (ED, private_bytes(ED)),
    "rsa key": (RSA, private_bytes(RSA)),
}

#: What a caller sends or is sent: it is encoded on purpose, and never printed.
BODIES: dict[str, msgspec.Struct] = {
    "login": bodies.Login(email="a@b.c", password=CANARY, mode="token", device_token=CANARY),
    "new account": bodies.NewAccount(email="a@b.c", password=CANARY),
    "refresh": bodies.Refresh(refresh_token=CANARY),
    "logout": bodies.Logout(refresh_token=CANARY),
    "mode change": bodies.ModeChange(mode="token", password=CANARY),
    "password change": bodies.PasswordChange(current_password=CANARY, new_password=CANARY),
    "csrf token": bodies.CsrfToken(csrf_token=CANARY),
}


def crash(held: object) -> KeyError:
    """An exception with the holder in its locals, bare and inside of others."""
    inside: dict[str, Any] = {"key": held, "list": [held], "tuple": (held,)}
    try:
        inside["nothing"]()
    except KeyError as fault:
        return fault
    raise AssertionError


def rich_traceback(held: object) -> str:
    """A traceback as Rich prints it, locals and all."""
    fault = crash(held)
    out = io.StringIO()
    shown = Traceback.from_exception(type(fault), fault, fault.__traceback__, show_locals=True, width=4000)
    Console(file=out, width=4000).print(shown)
    return out.getvalue()


def traceback_with_locals(held: object) -> str:
    """A traceback as the standard library, pytest and error reporters make it: `repr` of each local."""
    return "".join(traceback.TracebackException.from_exception(crash(held), capture_locals=True).format())


def logged(held: object, formatter: logging.Formatter) -> str:
    """A log line with the holder as message, argument, extra and exception."""
    fault = crash(held)
    record = logging.LogRecord(
        "x", logging.ERROR, __file__, 1, "%s %r", (held, held), (type(fault), fault, fault.__traceback__)
    )
    record.__dict__["extra"] = held
    return formatter.format(record)


PRINTERS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "f-string": lambda held: f"{held} {held!r} {held!s:>90} {held!a:<90}",
    "percent": lambda held: "%s %r %a" % (held, held, held),  # noqa: UP031 -- a logger's form
    "template": lambda held: string.Template("$held").substitute(held=held),
    "inside": lambda held: str([held]) + str({"a": held}) + str((held,)) + str(ValueError(held)),
    "pprint": pprint.pformat,
    "rich": lambda held: pretty_repr(held, max_width=4000),
    "rich traceback": rich_traceback,
    "traceback": traceback_with_locals,
    "json default": lambda held: json.dumps({"held": held}, default=repr),
    "msgspec hook": lambda held: msgspec.json.Encoder(enc_hook=repr).encode([str(held), repr(held)]).decode(),
    "json log": lambda held: logged(held, JsonLines()),
    "console log": lambda held: logged(held, ConsoleLines()),
    "plain log": lambda held: logged(held, logging.Formatter()),
}


@pytest.mark.parametrize("printer", PRINTERS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_printing_shows_nothing(holder: str, printer: str) -> None:
    """No way of printing a key, alone or within something, shows any spelling of it."""
    held, secret = HOLDERS[holder]
    shown = PRINTERS[printer](held)
    assert shown
    assert not [form for form in forms(secret) if form in shown]


@pytest.mark.parametrize("printer", PRINTERS)
@pytest.mark.parametrize("body", BODIES)
def test_printing_a_body_shows_no_password_and_no_token(body: str, printer: str) -> None:
    """What was sent, and what is answered, is encoded on purpose only."""
    assert CANARY not in PRINTERS[printer](BODIES[body])
    assert CANARY.encode() in msgspec.json.encode(BODIES[body])


@pytest.mark.parametrize(
    "take",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        bytes,
        memoryview,
        lambda held: held.__getstate__(),
        lambda held: b"" + held,
        lambda held: b"".join([held]),
        lambda held: io.BytesIO().write(held),
        vars,
        iter,
    ],
    ids=[
        *("pickle", "copy", "deepcopy", "json", "msgspec", "msgpack", "builtins", "bytes", "memoryview"),
        *("getstate", "plus", "join", "write", "vars", "iter"),
    ],
)
@pytest.mark.parametrize("holder", ["secret", "mac key", "hmac key", "ec key", "ed25519 key", "rsa key"])
def test_taking_a_key_out_by_accident_is_refused(holder: str, take: Callable[[Any], object]) -> None:
    """Copying, pickling, encoding and joining raise TypeError, which says nothing of the key."""
    held, secret = HOLDERS[holder]
    with pytest.raises(TypeError) as refused:
        take(held)
    assert not [form for form in forms(secret) if form in str(refused.value)]


@pytest.mark.parametrize("take", [copy.deepcopy, msgspec.to_builtins, msgspec.json.encode, pickle.dumps])
@pytest.mark.parametrize("holder", ["versions", "derived keys", "sealing key"])
def test_what_holds_keys_is_not_encoded_either(holder: str, take: Callable[[Any], object]) -> None:
    """A value around keys is refused by what would take it apart."""
    with pytest.raises(TypeError):
        take(HOLDERS[holder][0])


def test_secrets_are_compared_and_not_hashed() -> None:
    """Equal bytes are equal secrets; bytes are no secret; a table that would find one by its hash refuses."""
    secret = Secret(RAW)
    assert secret == Secret(bytes(RAW))
    assert secret != Secret(RAW[:-1] + b"6")
    assert secret != Secret(RAW[:-1])
    assert (secret == RAW, secret == CANARY) == (False, False)
    with pytest.raises(TypeError, match="not hashed"):
        hash(secret)
    for change in (partial(setattr, secret, "x", 1), partial(delattr, secret, "_Secret__value")):
        with pytest.raises(AttributeError, match="immutable"):
            change()


def test_settings_print_no_password_of_a_url(tmp_path: Path) -> None:
    """URLs with passwords, and references, are no part of how settings print themselves."""
    settings = read_settings(
        {
            "SEKISHO_DATA": str(tmp_path),
            "SEKISHO_DATABASE_URL": f"postgresql://sekisho:{CANARY}@localhost/sekisho",
            "SEKISHO_SESSION_STORE_URL": f"redis://:{CANARY}@localhost",
            "SEKISHO_ROOT_SECRET": f"env:{CANARY}",
        }
    )
    for name, printer in PRINTERS.items():
        assert CANARY not in printer(settings), name


def test_where_to_connect_prints_no_password() -> None:
    """What is told to the driver holds the password of the URL; only how it is used is printed."""
    where = target(f"postgresql://sekisho:{CANARY}@localhost/sekisho")
    assert CANARY in where.conninfo
    for name, printer in PRINTERS.items():
        assert CANARY not in printer(where), name
    assert repr(where) == "Target(prepared=True)"


_HEADERS = ((b"set-cookie", RAW),)
_CALL: Call[object] = Call(
    client=Client("127.0.0.1", "curl"),
    headers={b"authorization": RAW},
    raw_headers=[(b"authorization", RAW)],
    language="en",
    param="",
    body={"password": CANARY},
    cookies=Cookies({"sekisho": [CANARY]}),
    query=b"token=" + RAW,
    csrf_field=CANARY,
)

#: What a request came with, and what goes back, on its way through the server.
CARRIERS: dict[str, object] = {
    "call": _CALL,
    "cookies": _CALL.cookies,
    "answer": Answer(bodies.CsrfToken(csrf_token=CANARY), _HEADERS),
    "content": Content(RAW, "text/plain", _HEADERS),
    "reply": Reply(200, [*_HEADERS], RAW),
    "page": Html(CANARY, _HEADERS),
    "redirection": SeeOther("/account", _HEADERS),
    "download": Download(RAW, "application/json", "mine.json"),
    "data": Data(RAW),
    "statement": Statement("SELECT :hash", {"hash": CANARY}),
}


@pytest.mark.parametrize("printer", PRINTERS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_printing_what_carries_credentials_shows_none(carrier: str, printer: str) -> None:
    """Requests, answers and statements are locals of many frames, which an error reporter sends away."""
    shown = PRINTERS[printer](CARRIERS[carrier])
    assert shown
    assert not [form for form in forms(RAW) if form in shown]


def pem(key: Any) -> bytes:  # noqa: ANN401 -- any private key of cryptography
    """A private key as PEM."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


BAD: dict[str, bytes] = {
    "short": RAW[:31],
    "guessable": b"changeme" * 5,
    "broken jwk": b'{"kty": "oct", "k": "' + RAW,
    "short jwk": b'{"kty": "oct", "k": "' + base64.urlsafe_b64encode(RAW[:9]) + b'"}',
    "guessable jwk": b'{"kty": "oct", "k": "' + base64.urlsafe_b64encode(b"a" * 40).rstrip(b"=") + b'"}',
    "broken pem": pem(RSA_KEY)[:400] + b"\n-----END PRIVATE KEY-----\n",
    "two pems": pem(RSA_KEY) * 2,
    "empty set": b'{"keys": [], "note": "' + RAW + b'"}',
    "odd set": b'{"keys": ["' + RAW + b'"]}',
}


@pytest.mark.parametrize("bad", BAD)
def test_a_refusal_has_no_secret_in_its_locals(bad: str) -> None:
    """A key that is refused shows in no local of the traceback: an error reporter would send it away."""
    secret = Secret(BAD[bad])
    with pytest.raises(SettingsRefused) as refused:
        given_keys(secret, alg="ES256", where="SEKISHO_SIGNING_KEY (env:KEY)")
    shown = _sent_away(refused.value)
    assert "env:KEY" in shown
    assert not [line for line in _pieces(BAD[bad]) if line in shown]


def test_a_weak_secret_has_no_local_either() -> None:
    """The check of strength keeps the bytes out of its locals."""
    secret = Secret(RAW[:31])
    with pytest.raises(SettingsRefused) as refused:
        strong(secret, "env:KEY")
    assert CANARY[:31] not in _sent_away(refused.value)


def test_a_bad_key_file_has_no_local_either(tmp_path: Path) -> None:
    """A file that is broken, named for another key, or too large is refused with its content in no local."""
    whole, keys = pem(RSA_KEY), tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name, content in {
        "2026-11-21-RS256-broken.pem": whole[:400] + b"\n-----END PRIVATE KEY-----\n",
        "2026-11-21-RS256-another.pem": whole,
        "2026-11-21-HS256-large.jwk": RAW * 4096,
    }.items():
        file = keys / name
        file.touch(0o600)
        file.write_bytes(content)
        with pytest.raises(SettingsRefused) as refused:
            KeyFiles(tmp_path, os.urandom).first("ES256", now=0.0)
        shown = _sent_away(refused.value)
        assert name in shown
        assert not [line for line in _pieces(content[:4096]) if line in shown]
        file.unlink()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_short_text_is_not_made_long_by_its_encoding(encoding: str) -> None:
    """Sixteen letters saved as UTF-16 have more than 32 bytes, half of which everybody knows."""
    with pytest.raises(SettingsRefused, match="can be guessed"):
        strong(Secret("k3jJ9dkq0zXp7vB2".encode(encoding)), "file:secret")


def test_what_a_command_runs_in_prints_no_environment() -> None:
    """The variables hold secrets: `env:` reads them from there."""
    environ = {"KEY": CANARY}
    for here in (Surroundings(read_settings({}), environ, wording("en")), Given(environ)):
        for name, printer in PRINTERS.items():
            assert CANARY not in printer(here), name


def _sent_away(fault: BaseException) -> str:
    """Everything that an error reporter collects, what lies behind `from None` included."""
    shown: list[str] = []
    seen: BaseException | None = fault
    while seen is not None:
        made = traceback.TracebackException.from_exception(seen, capture_locals=True)
        # The test's own frames hold the bytes that it made.
        made.stack = traceback.StackSummary.from_list(
            [frame for frame in made.stack if frame.filename != __file__]
        )
        for frame in made.stack:
            shown += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
        shown += made.format_exception_only()
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(shown)


def _pieces(content: bytes) -> list[str]:
    """Pieces of what was given that a reader could put together again."""
    text = content.decode("latin-1")
    return [text[at : at + 24] for at in range(0, len(text) - 24, 8)] or [text]
