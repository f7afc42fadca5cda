"""An API that is naive on purpose: the attack must find each of its holes. Never copy anything from here.

It lets in whom our own guard lets in, and then, by each hole that is switched on, somebody more, in the way
in which real programs did.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho_verify import SigningKey, TokenRefused, key_from_jwk, key_set_from_jwks
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.claims import Expectations, read_claims
from sekisho_verify.forgeries.forging import public_key
from sekisho_verify.jws import CompactVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.testing import Issuer

Environ = dict[str, Any]


class TooMany(Exception):
    """429."""


class Api:
    """The API of an issuer's tokens, with holes."""

    def __init__(self, issuer: Issuer, *holes: str) -> None:
        self.issuer: Final = issuer
        self.check: Final = BearerCheck(issuer.verifier(feed=None))
        self._holes: Final = [HOLES[name] for name in holes]

    def __call__(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer 200 to whom it lets in, and 401 to the others."""
        authorization = environ.get("HTTP_AUTHORIZATION")
        try:
            self.check.token(authorization, query=environ["QUERY_STRING"])
        except TokenRefused as refused:
            try:
                let_in = any(hole(self, environ) for hole in self._holes)
            except TooMany:
                start_response("429 Too Many Requests", [])
                return []
            if not let_in:
                told = self.check.answer(refused)
                start_response(f"{told.status} Refused", [*told.headers])
                return [told.body]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"let": "in"}']

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def passes(self, text: str, **options: Any) -> bool:  # noqa: ANN401 -- passed on
        """Whether a verifier with other expectations lets a text in."""
        with suppress(TokenRefused):
            self.issuer.verifier(feed=None, **options).verify(text)
            return True
        return False

    def sealed_by(self, key: VerificationKey, text: str) -> bool:
        """Whether a key has sealed a text, whatever the rest of it says."""
        signing_input, _, seal = text.encode().rpartition(b".")
        with suppress(Exception):
            key.check(signing_input, seal)
            return True
        return False


def bearer(environ: Environ) -> str:
    """What stands behind Bearer, unless there is a token in the query too: each hole is one hole."""
    if "access_token=" in environ["QUERY_STRING"]:
        return ""
    scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


def read(segment: str) -> dict[str, Any]:
    """JSON in base64url, as the standard library reads it; empty where it cannot."""
    with suppress(ValueError, RecursionError):
        found = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        return found if isinstance(found, dict) else {}
    return {}


def parts(environ: Environ) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, believed as they are."""
    segments = bearer(environ).split(".")
    return (read(segments[0]), read(segments[1])) if len(segments) == 3 else ({}, {})


def none_is_fine(_: Api, environ: Environ) -> bool:
    """`alg: none`, in any spelling."""
    alg = parts(environ)[0].get("alg")
    return isinstance(alg, str) and alg.lower() == "none"


def public_key_as_secret(api: Api, environ: Environ) -> bool:
    """One `verify(token, key)` for every algorithm, and the key is a PEM file."""
    text = bearer(environ)
    (key,) = api.issuer.keys
    pem = public_key(key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[arg-type]  # of a key pair
    if parts(environ)[0].get("alg") != "HS256":
        return False
    signing_input, _, seal = text.encode().rpartition(b".")
    mac = base64.urlsafe_b64encode(hmac.digest(pem, signing_input, "sha256")).rstrip(b"=")
    return hmac.compare_digest(mac, seal)


def key_in_the_token(api: Api, environ: Environ) -> bool:
    """The key that the header brings along is believed."""
    jwk = parts(environ)[0].get("jwk")
    key = key_from_jwk(jwk) if isinstance(jwk, dict) else None
    return key is not None and not isinstance(key, SigningKey) and api.sealed_by(key, bearer(environ))


def key_at_an_address(api: Api, environ: Environ) -> bool:
    """The key set at the address in the header is believed."""
    jku = parts(environ)[0].get("jku")
    if not isinstance(jku, str):
        return False
    with urllib.request.urlopen(jku, timeout=5) as answer:  # noqa: S310 -- the hole that is meant
        (key,) = key_set_from_jwks(answer.read()).keys
    return api.sealed_by(key, bearer(environ))


def curious(_: Api, environ: Environ) -> bool:
    """What stands at the address in the header is looked at, and not believed."""
    x5u = parts(environ)[0].get("x5u")
    if isinstance(x5u, str):
        urllib.request.urlopen(x5u, timeout=5).close()  # noqa: S310 -- the hole that is meant
    return False


def kid_is_a_file(_api: Api, environ: Environ) -> bool:
    """The secret is in the file that `kid` names."""
    kid = parts(environ)[0].get("kid")
    if not isinstance(kid, str):
        return False
    with suppress(OSError, ValueError):
        secret = (Path.cwd() / kid).resolve().read_bytes()
        signing_input, _, seal = bearer(environ).encode().rpartition(b".")
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signing_input, "sha256")).rstrip(b"=")
        return hmac.compare_digest(mac, seal)
    return False


def any_audience(api: Api, environ: Environ) -> bool:
    """Whose API a token is for is not asked."""
    aud = parts(environ)[1].get("aud")
    aud = aud[0] if isinstance(aud, list) else aud
    return isinstance(aud, str) and api.passes(bearer(environ), audience=aud)


def any_issuer(api: Api, environ: Environ) -> bool:
    """Who issued a token is not asked, as long as the key fits."""
    iss = parts(environ)[1].get("iss")
    return isinstance(iss, str) and api.passes(bearer(environ), issuer=iss)


def never_expires(api: Api, environ: Environ) -> bool:
    """`exp` is not looked at."""
    exp = parts(environ)[1].get("exp")
    return isinstance(exp, int | float) and api.passes(bearer(environ), clock=lambda: exp - 1)


def any_kind(api: Api, environ: Environ) -> bool:
    """`typ` is not looked at: any token of the issuer will do."""
    typ = parts(environ)[0].get("typ")
    expected = Expectations(issuer=api.issuer.url, audience=api.issuer.audience)
    with suppress(TokenRefused):
        seal = CompactVerifier(api.issuer.keys, typ=typ if isinstance(typ, str) else "-")
        expected.check(read_claims(seal.open(bearer(environ))), now=api.now())
        return True
    return False


def seal_is_not_checked(_: Api, environ: Environ) -> bool:
    """The claims are decoded and believed."""
    claims = parts(environ)[1]
    return isinstance(claims.get("sub"), str) and claims.get("aud") == "api"


def lax_base64(api: Api, environ: Environ) -> bool:
    """The signature is decoded as the standard library does it, dropping what it does not know."""
    head, _, seal = bearer(environ).rpartition(".")
    with suppress(ValueError):
        signature = base64.urlsafe_b64decode(seal + "=" * (-len(seal) % 4))
        return api.passes(f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")
    return False


def in_the_query(api: Api, environ: Environ) -> bool:
    """A token in the URL is as good as one in the header."""
    return any(api.passes(text) for text in parse_qs(environ["QUERY_STRING"]).get("access_token", ()))


def in_a_form(api: Api, environ: Environ) -> bool:
    """A token in a form is as good as one in the header."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    return any(api.passes(text) for text in parse_qs(body).get("access_token", ()))


def in_a_cookie(api: Api, environ: Environ) -> bool:
    """A token in a cookie is as good as one in the header."""
    return api.passes(environ.get("HTTP_COOKIE", "").partition("access_token=")[2])


def first_of_two(api: Api, environ: Environ) -> bool:
    """Of two credentials the first one counts."""
    return api.passes(bearer(environ).partition(",")[0])


def any_scheme(api: Api, environ: Environ) -> bool:
    """Whatever stands last in the header is the token."""
    return not environ["QUERY_STRING"] and api.passes(
        environ.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2]
    )


def falls_over(_: Api, environ: Environ) -> bool:
    """Nobody thought of a header that is no JSON."""
    if "." in bearer(environ):
        segment = bearer(environ).split(".")[0]
        header = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        # Python's own limit, which another test of this process may have raised.
        if header.count(b"[") >= 1000:
            raise RecursionError
        json.loads(header)
    return False


def never_answers(_: Api, environ: Environ) -> bool:
    """A command in `kid` is run, and it takes its time."""
    kid = parts(environ)[0].get("kid")
    if isinstance(kid, str) and "sleep" in kid:
        threading.Event().wait(5)
    return False


def out_of_patience(_: Api, environ: Environ) -> bool:
    """Whoever errs is told to wait."""
    if bearer(environ):
        raise TooMany
    return False


def everybody(_: Api, _environ: Environ) -> bool:
    """There is no door."""
    return True


HOLES: Final[dict[str, Callable[[Api, Environ], bool]]] = {
    hole.__name__: hole
    for hole in (
        none_is_fine,
        public_key_as_secret,
        key_in_the_token,
        key_at_an_address,
        curious,
        kid_is_a_file,
        any_audience,
        any_issuer,
        never_expires,
        any_kind,
        seal_is_not_checked,
        lax_base64,
        in_the_query,
        in_a_form,
        in_a_cookie,
        first_of_two,
        any_scheme,
        falls_over,
        never_answers,
        out_of_patience,
        everybody,
    )
}


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def get_stderr(self) -> Any:  # noqa: ANN401 -- a file
        """Tracebacks are expected here."""
        return _Nowhere()


class _Nowhere:
    def write(self, _: str) -> None:
        """Drop it."""

    def flush(self) -> None:
        """Nothing to do."""

    def writelines(self, _: object) -> None:
        """Drop them."""


@contextmanager
def served(app: Callable[..., Iterable[bytes]]) -> Generator[str]:
    """Serve a WSGI application on a free port of this machine; its URL."""
    with make_server("127.0.0.1", 0, app, server_class=_Threads, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/orders"
        finally:
            server.shutdown()
            thread.join()
