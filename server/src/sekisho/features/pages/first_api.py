"""The lines that protect an API, for each framework: shown to copy, with this very server filled in."""

from __future__ import annotations

from typing import Final

_FASTAPI: Final = """
from fastapi import Depends, FastAPI
from sekisho_verify import Verifier
from sekisho_verify.fastapi import current_token, install

app = FastAPI()
verifier = Verifier(issuer="ISSUER", audience="AUDIENCE")
install(app, verifier)

@app.get("/hello", dependencies=[Depends(current_token(verifier))])
async def hello():
    return {"hello": "world"}
"""
_STARLETTE: Final = """
from sekisho_verify import Verifier
from sekisho_verify.asgi import BearerGuard
from starlette.applications import Starlette
from starlette.middleware import Middleware

verifier = Verifier(issuer="ISSUER", audience="AUDIENCE")
app = Starlette(middleware=[Middleware(BearerGuard, verifier=verifier)])
"""
_FLASK: Final = """
from flask import Flask
from sekisho_verify import Verifier
from sekisho_verify.flask import BearerGuard

app, guard = Flask(__name__), BearerGuard()
guard.init_app(app, Verifier(issuer="ISSUER", audience="AUDIENCE"))
guard.protect(app)
"""
_DJANGO: Final = """
# settings.py
INSTALLED_APPS += ["sekisho_verify.django.SekishoConfig"]
MIDDLEWARE += ["sekisho_verify.django.TokenMiddleware"]
SEKISHO = {"issuer": "ISSUER", "audience": "AUDIENCE"}
"""
_FRAMEWORKS: Final = {"FastAPI": _FASTAPI, "Starlette": _STARLETTE, "Flask": _FLASK, "Django": _DJANGO}


def protected(issuer: str, audience: str) -> dict[str, str]:
    """The lines by the name of the framework. Neither text has a quotation mark: settings see to that."""
    return {
        name: text.strip().replace("ISSUER", issuer).replace("AUDIENCE", audience)
        for name, text in _FRAMEWORKS.items()
    }
