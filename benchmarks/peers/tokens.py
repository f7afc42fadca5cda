"""Libraries that check and sign tokens, asked by JSON lines, one answer a question, as `node/peers.mjs` is.

    {"ask": "prepare", "alg", "token", "forged", "jwk", "claims", "issuer", "audience"} -> {"peers": [...]}
    {"ask": "cost", "act": "verify" or "sign", "alg", "peer", "milliseconds"} -> {"microseconds": n}

`jwk` is the private key, or the shared one. Each library loads its key once, checks the seal, issuer,
audience, expiry and "not before", and has to refuse a forged token; each text that is checked is its own.
"""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from __future__ import annotations

import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from jose import jwt as python_jose
from joserfc import jwk
from joserfc import jwt as joserfc

_BATCH = 100
_WARM_UP = 0.1
Act = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Peer:
    """One library with its key loaded: how it checks a token, and how it signs the claims."""

    verify: Act
    sign: Callable[[], str]


def _public(key: Mapping[str, Any]) -> dict[str, Any]:
    """What an API is given: some libraries take the public half out of a private key at each check."""
    return {name: value for name, value in key.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}}


def _pyjwt(asked: Mapping[str, Any]) -> Peer:
    alg, key = asked["alg"], jwt.PyJWK(asked["jwk"], asked["alg"]).key
    public = key.public_key() if hasattr(key, "public_key") else key
    expected = {"issuer": asked["issuer"], "audience": asked["audience"]}
    options: Any = {"require": ["exp", "nbf"]}
    return Peer(
        lambda text: jwt.decode(text, public, algorithms=[alg], options=options, **expected),
        lambda: jwt.encode(asked["claims"], key, alg, headers={"typ": "at+jwt"}),
    )


def _joserfc(asked: Mapping[str, Any]) -> Peer:
    alg, key, public = asked["alg"], jwk.import_key(asked["jwk"]), jwk.import_key(_public(asked["jwk"]))
    claims = joserfc.JWTClaimsRegistry(
        iss={"essential": True, "value": asked["issuer"]},
        aud={"essential": True, "value": asked["audience"]},
        exp={"essential": True},
        nbf={"essential": True},
    )

    def verify(text: str) -> object:
        decoded = joserfc.decode(text, public, algorithms=[alg])
        claims.validate(decoded.claims)
        return decoded

    header = {"alg": alg, "typ": "at+jwt"}
    return Peer(verify, lambda: joserfc.encode(header, asked["claims"], key, algorithms=[alg]))


def _authlib(asked: Mapping[str, Any]) -> Peer:
    alg, key = asked["alg"], JsonWebKey.import_key(asked["jwk"])
    public = JsonWebKey.import_key(_public(asked["jwk"]))
    tokens = JsonWebToken([alg])
    options = {
        "iss": {"essential": True, "value": asked["issuer"]},
        "aud": {"essential": True, "value": asked["audience"]},
        "exp": {"essential": True},
        "nbf": {"essential": True},
    }

    def verify(text: str) -> object:
        claims = tokens.decode(text, public, claims_options=options)
        claims.validate()
        return claims

    header = {"alg": alg, "typ": "at+jwt"}
    return Peer(verify, lambda: str(tokens.encode(header, dict(asked["claims"]), key).decode()))


def _python_jose(asked: Mapping[str, Any]) -> Peer:
    alg, key = asked["alg"], {**asked["jwk"], "alg": asked["alg"]}
    known = key["kty"] == "oct" or alg in {"RS256", "ES256"}
    return _of_python_jose(asked, key, _public(key)) if known else _unknown(alg)


def _of_python_jose(asked: Mapping[str, Any], private: Any, public: Any) -> Peer:  # noqa: ANN401 -- its keys
    alg, options = asked["alg"], {"require_exp": True, "require_nbf": True}
    expected = {"issuer": asked["issuer"], "audience": asked["audience"]}
    signing, checking = (python_jose.jws.jwk.construct(key, alg) for key in (private, public))
    return Peer(
        lambda text: python_jose.decode(text, checking, algorithms=[alg], options=options, **expected),
        lambda: str(python_jose.encode(asked["claims"], signing, alg, headers={"typ": "at+jwt"})),
    )


class UnknownAlgorithm(LookupError):
    """The library has no such algorithm, and is left out of its row."""


def _unknown(alg: str) -> Peer:
    raise UnknownAlgorithm(alg)


LIBRARIES: Mapping[str, Callable[[Mapping[str, Any]], Peer]] = {
    "PyJWT": _pyjwt,
    "joserfc": _joserfc,
    "Authlib": _authlib,
    "python-jose": _python_jose,
}


class Asked:
    """What the questions are answered from."""

    def __init__(self) -> None:
        self._peers: dict[tuple[str, str], tuple[Peer, str]] = {}

    def prepare(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Load the key in every library that knows the algorithm; each has to know right from wrong."""
        known = []
        for name, load in LIBRARIES.items():
            try:
                peer = load(question)
            except UnknownAlgorithm:
                continue
            peer.verify(question["token"])
            peer.verify(peer.sign())
            if not _refuses(peer.verify, question["forged"]):
                raise RuntimeError(f"{name} accepts a forged {question['alg']} token")
            self._peers[question["alg"], name] = peer, question["token"]
            for act in ("verify", "sign"):
                self.cost({**question, "peer": name, "act": act, "milliseconds": _WARM_UP * 1000})
            known.append(name)
        return {"peers": known}

    def cost(self, question: Mapping[str, Any]) -> dict[str, float]:
        """Microseconds of CPU an act."""
        peer, token = self._peers[question["alg"], question["peer"]]
        encoded = token.encode()
        spent, done = 0.0, 0
        while spent < question["milliseconds"] / 1000:
            texts = [encoded.decode() for _ in range(_BATCH)]
            began = time.process_time()
            if question["act"] == "verify":
                for text in texts:
                    peer.verify(text)
            else:
                for _ in texts:
                    peer.sign()
            spent += time.process_time() - began
            done += _BATCH
        return {"microseconds": spent * 1e6 / done}


def _refuses(verify: Act, text: str) -> bool:
    try:
        verify(text)
    except Exception:  # noqa: BLE001 -- each library has exceptions of its own
        return True
    return False


def answer() -> None:
    """Answer until there are no more questions."""
    warnings.simplefilter("ignore")  # of names and libraries that are to go: they would be told at each call
    # Ctrl-C is for whoever asks: this ends with the questions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = Asked()
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(getattr(asked, question["ask"])(question)), flush=True)


if __name__ == "__main__":
    answer()
