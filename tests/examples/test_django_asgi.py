"""The Django shop serves from an event loop as well as from WSGI workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho_verify.testing import Issuer
from tests.parts.examples import EXAMPLES, PORT, listening
from tests.parts.serving import ask

if TYPE_CHECKING:
    from pathlib import Path


def test_the_django_shop_under_asgi(tmp_path: Path) -> None:
    """Plain and async views answer under uvicorn as they do under gunicorn."""
    issuer, log = Issuer(), tmp_path / "log"
    words = ["uvicorn", "--factory", "--port", PORT, "--lifespan", "off", "shop:make_asgi_app"]
    with issuer.serve() as at, listening(words, EXAMPLES / "django", at, log) as url:
        clerk, keeper = issuer.token(), issuer.token(permissions=["secret:read"])
        products = ask(url, "GET", "/products", bearer=clerk)
        assert (products.status, len(products.json["products"])) == (200, 3)
        assert ask(url, "GET", "/secret", bearer=keeper).json["secret"] == "the gate opens at the sixth bell"
        refused = ask(url, "GET", "/secret", bearer=clerk)
        assert (refused.status, refused.json["detail"]) == (403, "It needs the permission secret:read.")
        stranger = ask(url, "GET", "/customers")
        assert (stranger.status, stranger.json["code"]) == (401, "token_missing")
        assert ask(url, "GET", "/healthz").json == {"status": "ok"}
    assert "Traceback" not in log.read_text("utf-8")
