"""What an import costs: a service with a shared secret loads neither cryptography nor a network stack."""

from __future__ import annotations

import json
import subprocess
import sys

import mypy.api
import pytest

FORBIDDEN = {
    "cryptography": "a shared secret needs none of it, and it costs as much again as all the rest",
    "_cffi_backend": "comes with cryptography",
    "asyncio": "a synchronous service has no event loop; ours start at first use",
    "ssl": "nothing is fetched unless fetch_key_set is called",
    "socket": "same",
    "http.client": "same",
    "threading": "given keys need no upkeep; a thread starts where keys may change",
    "queue": "same",
    "concurrent": "same",
    "urllib.request": "nothing here follows redirects or opens files",
    "sekisho": "the verifier stands alone: an API that checks tokens carries no server",
    "starlette": "the guards know frameworks by their shape only",
    "jwt": "our own JWS layer is checked against it, and does not use it",
    "logging": "only what talks to the outside logs",
}

VERIFY = """
from sekisho_verify import HmacKey, Verifier, TokenRefused, require
try:
    Verifier(issuer="i", audience="a", keys=[HmacKey(bytes(range(32)))], feed=None).verify("a.b.c")
except TokenRefused as refused:
    assert refused.code == "token_malformed"
else:
    raise AssertionError
"""


def loaded(statements: str) -> set[str]:
    """The modules that are loaded in a bare interpreter by some statements."""
    code = f"import sys\nbefore = set(sys.modules)\n{statements}\nimport json\n"
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    result = subprocess.run(
        [sys.executable, "-S", "-c", PATHS + code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


# -S keeps out what .pth files import (editable installs, coverage); the same places are then named by hand.
PATHS = f"import sys\nsys.path[:] = {[path for path in sys.path if path]!r}\n"


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_shared_secret_loads_little(name: str) -> None:
    """Importing the package and verifying by HMAC leaves the heavy and the foreign alone."""
    found = {module for module in LITTLE if module == name or module.startswith(f"{name}.")}
    assert found == set(), FORBIDDEN[name]


LITTLE = loaded(VERIFY)


def test_the_guard_loads_no_framework_and_no_event_loop() -> None:
    """The ASGI guard adds logging, which brings threading, and nothing else that is heavy."""
    found = loaded("import sekisho_verify.asgi")
    assert found & (FORBIDDEN.keys() - {"logging", "threading"}) == set()


@pytest.mark.parametrize(
    ("name", "brings"),
    [
        ("EcKey", "cryptography"),
        ("SigningKey", "cryptography"),
        ("key_from_jwk", "cryptography"),
        ("key_set_from_jwks", "cryptography"),
        ("key_from_pem", "cryptography"),
        ("fetch_key_set", "http.client"),
        ("IssuerKeys", "http.client"),
        ("IssuerFeed", "http.client"),
        ("HmacKeySource", "threading"),
    ],
)
def test_what_is_heavy_comes_at_its_first_use(name: str, brings: str) -> None:
    """A name that needs more is there all the same, and brings what it needs."""
    assert brings in loaded(f"from sekisho_verify import {name}\nassert {name}")


def test_a_source_of_secrets_loads_no_network_and_no_cryptography() -> None:
    """Shared secrets that rotate need a thread, and nothing that could fetch or that knows key pairs."""
    found = loaded("from sekisho_verify import HmacKeySource\nassert HmacKeySource")
    assert found & {"cryptography", "http.client", "ssl", "asyncio"} == set()


def test_without_keys_the_network_comes_with_the_verifier() -> None:
    """What finds the keys is loaded where a verifier is made without any, not at the first request."""
    made = (
        "from sekisho_verify import Verifier\nVerifier(issuer='https://a.example', audience='a', feed=None)"
    )
    assert {"http.client", "cryptography"} <= loaded(made)


def test_every_public_name_is_there() -> None:
    """Each name of `__all__` can be had, and no other."""
    loaded(
        "import sekisho_verify as v\n"
        "assert sorted(dir(v)) == sorted(v.__all__)\n"
        "assert all(getattr(v, name) for name in v.__all__)\n"
        "try:\n    v.decode_unverified\nexcept AttributeError:\n    pass\nelse:\n    raise AssertionError\n"
    )


def test_a_mistyped_name_is_found_by_a_type_checker() -> None:
    """The look-up at first use is hidden from checkers, for which it would give every name a type."""
    told, _, code = mypy.api.run(
        [
            *("--config-file=", "--no-incremental", "--follow-imports=silent"),
            *("-c", "from sekisho_verify import EcKey, Verifer"),
        ]
    )
    assert (code, told.count("error:")) == (1, 1), told
    assert 'has no attribute "Verifer"; maybe "Verifier"?' in told


@pytest.mark.requirement("J17")
def test_nothing_reads_a_token_without_its_seal() -> None:
    """No public name of the package gives claims that were not verified."""
    import sekisho_verify  # noqa: PLC0415 -- the other tests look at bare interpreters

    assert not [
        name for name in sekisho_verify.__all__ if "decode" in name.lower() or "unverified" in name.lower()
    ]
