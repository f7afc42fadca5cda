"""Tokens in process, by every algorithm: checked and signed by us, libraries of Python and Node, the parts.

Everybody in turn, in every round; a ratio is taken within a round. Each check gets a text of its own.
"""

from __future__ import annotations

import hmac
import json
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import api, python_peers
from benchmarks.checks import PADDINGS, PARTS, access_token, claims_of, ours, parts_of, public_pem, signer_of
from benchmarks.matrix.turns import quartiles
from benchmarks.node_peers import Node
from benchmarks.paired import in_turn
from benchmarks.verify import copies, cost
from sekisho_verify import HmacKey, SigningKey, jws

ALGS = ("HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256")
ANEW, SEEN = "sekisho", "sekisho, seen before"
#: Seconds of CPU of one measurement.
_SPAN = 0.02
Say = Callable[[str], None]


class Libraries:
    """The Python libraries in a process of their environment, from entry to exit."""

    def __enter__(self) -> Self:
        program = [str(python_peers.PYTHON), "-m", "benchmarks.peers.tokens"]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def prepare(self, **question: object) -> list[str]:
        """Load the key; the libraries that know its algorithm."""
        peers: list[str] = self._ask(ask="prepare", **question)["peers"]
        return peers

    def cost(self, act: str, alg: str, peer: str) -> float:
        """Microseconds of CPU an act."""
        asked = {"act": act, "alg": alg, "peer": peer, "milliseconds": _SPAN * 1000}
        found: float = self._ask(ask="cost", **asked)["microseconds"]
        return found

    def _ask(self, **question: object) -> dict[str, Any]:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the libraries have no one to answer to")
        process.stdin.write(json.dumps(question) + "\n")
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the libraries have ended; what they said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def run(rounds: int, say: Say, *, with_node: bool) -> list[Mapping[str, Any]]:
    """Both acts by every algorithm, as the results keep them."""
    found: list[Mapping[str, Any]] = []
    with ExitStack() as stack:
        libraries = stack.enter_context(Libraries())
        node = stack.enter_context(Node()) if with_node else None
        for alg in ALGS:
            say(f"tokens by {alg}")
            found += _by(alg, libraries, node, rounds)
    return found


def _by(alg: str, libraries: Libraries, node: Node | None, rounds: int) -> list[Mapping[str, Any]]:
    signer = signer_of(alg)
    token = access_token(signer)
    forged = f"{token.rpartition('.')[0]}.{token.rpartition('.')[2][::-1]}"
    asked = {"alg": alg, "token": token, "forged": forged, "issuer": api.ISSUER, "audience": api.AUDIENCE}
    claims = claims_of()
    peers = libraries.prepare(jwk=_private(signer), claims=claims, **asked)
    texts = partial(copies, token)
    sides = {
        name: partial(cost, check, texts, _SPAN)
        for name, check in {
            ANEW: ours(signer, cache_size=0),
            SEEN: ours(signer, cache_size=1024),
            PARTS: parts_of(signer, token)[PARTS],
        }.items()
    }
    sides |= {peer: partial(libraries.cost, "verify", alg, peer) for peer in peers}
    if node is not None and not node.missing:
        key = public_pem(signer) if isinstance(signer, SigningKey) else _text(api.SECRET)
        known = node.prepare(key=key, **asked)
        sides |= {f"{peer} (Node)": partial(node.cost, alg, peer, _SPAN * 1000) for peer in known}

    def sign(_: str) -> object:
        return jws.sign(msgspec.json.encode(claims), {"typ": "at+jwt"}, signer)

    signing = {
        ANEW: partial(cost, sign, texts, _SPAN),
        PARTS: partial(cost, _signing_parts(signer, token), texts, _SPAN),
    }
    signing |= {peer: partial(libraries.cost, "sign", alg, peer) for peer in peers}
    return [
        _told("verify", alg, in_turn(sides, rounds=rounds)),
        _told("sign", alg, in_turn(signing, rounds=rounds)),
    ]


def _told(act: str, alg: str, found: dict[str, list[float]]) -> Mapping[str, Any]:
    mine = found[ANEW]
    sides = [
        {
            "name": name,
            "us": quartiles(costs),
            "ratio": None if name == ANEW else quartiles([a / b for a, b in zip(costs, mine, strict=True)]),
        }
        for name, costs in found.items()
    ]
    return {"act": act, "alg": alg, "sides": sides}


def _private(signer: HmacKey | SigningKey) -> Mapping[str, Any]:
    if isinstance(signer, SigningKey):
        return signer.to_private_jwk()
    return {"kty": "oct", "k": _text(api.SECRET)}


def _text(secret: bytes) -> str:
    return urlsafe_b64encode(secret).decode().rstrip("=")


def _signing_parts(signer: HmacKey | SigningKey, token: str) -> Callable[[str], object]:
    """JSON, base64 and the MAC or signature: what nobody can do without, of a header that is there."""
    claims = claims_of()
    head = token.encode().partition(b".")[0]
    encode = msgspec.json.Encoder().encode
    seal = _sealing(signer)

    def parts(_: str) -> object:
        signed = head + b"." + urlsafe_b64encode(encode(claims)).rstrip(b"=")
        return signed + b"." + urlsafe_b64encode(seal(signed)).rstrip(b"=")

    return parts


def _sealing(signer: HmacKey | SigningKey) -> Callable[[bytes], bytes]:
    if isinstance(signer, HmacKey):
        sha = f"sha{signer.alg[2:]}"
        return lambda signed: hmac.digest(api.SECRET, signed, sha)
    private: Any = jwt.PyJWK({**signer.to_private_jwk()}, signer.alg).key
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return partial(_ecdsa, private)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign
    return lambda signed: bytes(private.sign(signed, PADDINGS[signer.alg], SHA256()))


def _ecdsa(private: ec.EllipticCurvePrivateKey, signed: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)
