"""Every example, run as its own words say, is attacked with the whole catalogue, truly signed, and holds."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from sekisho_verify.attack.__main__ import main
from sekisho_verify.testing import Issuer
from tests.parts.examples import EXAMPLES, running

if TYPE_CHECKING:
    from pathlib import Path

    from sekisho_verify.key_generation import Alg

#: Whatever has a command line of its own is an example; a new one is attacked without being named here.
#: One that is its own issuer takes nobody else's word for who signs, so no issuer of ours can forge for it.
ATTACKED = sorted(
    path
    for path in EXAMPLES.glob("*/*.py")
    if "8001" in path.read_text("utf-8") and "sekisho.compose" not in path.read_text("utf-8")
)
#: One without a framework, and one of each kind of server.
AT_ONCE = {"asgi", "fastapi", "django"}
#: Where anybody with a token may read.
PATHS = {"orders.py": "/"}


def test_there_are_examples_to_attack() -> None:
    """The search finds the plain ASGI one and the shops."""
    names = [path.name for path in ATTACKED]
    assert names.count("orders.py") == 1
    assert names.count("shop.py") >= 3


@pytest.mark.requirement("J18", "C9")
@pytest.mark.parametrize(
    ("example", "alg"),
    [
        *(
            pytest.param(path, "ES256", marks=() if path.parent.name in AT_ONCE else pytest.mark.long)
            for path in ATTACKED
        ),
        *(
            pytest.param(path, "RS256", marks=pytest.mark.long)
            for path in ATTACKED
            if path.name == "orders.py"
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.parent.name,
)
def test_an_example_refuses_every_forgery(example: Path, alg: Alg, tmp_path: Path) -> None:
    """Exit code 0; where the guard answered, and no server before it, its code is the catalogue's."""
    issuer = Issuer(alg=alg)
    with issuer.serve() as at, running(example, at, tmp_path / "log") as url:
        (tmp_path / "token").write_text(issuer.token())
        (tmp_path / "key").write_bytes(msgspec.json.encode(issuer._key.to_private_jwk()))
        out, err = io.StringIO(), io.StringIO()
        code = main(
            [
                *(
                    url + PATHS.get(example.name, "/products"),
                    "--json",
                    "--token-file",
                    str(tmp_path / "token"),
                ),
                *("--issuer-key-file", str(tmp_path / "key")),
            ],
            {},
            out,
            err,
        )
    log = (tmp_path / "log").read_text()
    assert (code, err.getvalue()) == (0, ""), out.getvalue() + log
    trials = json.loads(out.getvalue())["results"]
    assert len(trials) > 120
    judged = [trial for trial in trials if trial["code"] is not None]
    assert [trial for trial in judged if trial["code"] != trial["expected"]] == []
    # Servers refuse by themselves what is too large, or no HTTP; that is all they may take from the guard.
    before = {trial["name"] for trial in trials if trial["code"] is None and trial["verdict"] == "refused"}
    assert before <= {
        "header-huge",
        "payload-huge",
        "signature-huge",
        "dots-many",
        "header-large",
        "kid-long",
    }
    assert "Traceback" not in log
