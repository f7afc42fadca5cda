"""The API of `api` as a route of FastAPI: what the peers that are FastAPI have to be seen beside."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI

from benchmarks import api
from sekisho_verify.access_token import AccessToken
from sekisho_verify.fastapi import current_token, install

_verifier = api.verifier()
_token = current_token(_verifier)
application = FastAPI()
install(application, _verifier)


@application.get("/")
async def whoami(token: Annotated[AccessToken, Depends(_token)]) -> dict[str, str]:
    """The user of the token."""
    return {"sub": token.sub}
