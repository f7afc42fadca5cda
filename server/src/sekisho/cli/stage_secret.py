"""The SECRET_KEY that the stage's servers share: a file, and how another one takes its place."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Final

from sekisho.adapters import system
from sekisho.adapters.data_directory import write_private
from sekisho.features.demo.wire import exchange, request
from sekisho.rules.refusals import Refusal
from sekisho_verify import HmacKey
from sekisho_verify.forgeries.forging import parts

_BYTES: Final = 32
#: Seconds until the auth server signs by another one, and between two looks whether it does.
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.2


class SharedSecret:
    """A secret in a file, made here.

    Args:
        file: where it is put.
    """

    def __init__(self, file: Path) -> None:
        self.file: Final = file
        self.reference: Final = f"file:{file}"
        write_private(file, system.entropy(_BYTES).hex().encode())

    def replace(self, old: HmacKey, *, auth: str) -> None:
        """Put another one in front of the old one, and wait until the auth server at that URL signs by it.

        Raises:
            Refusal: `unavailable`: it does not, or is not there; the new one stays where it was put.
        """
        new = HmacKey(system.entropy(_BYTES))
        held = json.dumps({"keys": [new.to_private_jwk(), old.to_private_jwk()]})
        fresh = self.file.with_suffix(".new")
        with suppress(FileNotFoundError):
            fresh.unlink()
        write_private(fresh, held.encode())
        fresh.replace(self.file)
        _await_seal(new.kid, auth)


def _await_seal(kid: str, auth: str) -> None:
    """Wait until it signs by that key: it reads the file by itself, every few seconds.

    Its feed is sealed by the key that signs, and anybody here may read that.
    """
    until = system.steady() + _PATIENCE
    while system.steady() < until:
        try:
            answer = exchange(request("GET", f"{auth}/v1/revocations"))
            sealed_by = parts(answer.body.decode()).header.get("kid")
        except (OSError, ValueError):
            break
        if sealed_by == kid:
            return
        sleep(_PAUSE)
    raise Refusal("unavailable", "the auth server does not sign by the new secret")
