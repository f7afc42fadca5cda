"""Flask-Security as its documentation builds it, on Flask-SQLAlchemy.

`PEER_CARRIES` says what a login gives: `session` is Flask's signed cookie, `token` its authentication token
and a refresh token in the body. Beside the documentation, its pool holds ten connections, as ours does.
"""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator, import-untyped, name-defined"

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_security import Security, SQLAlchemyUserDatastore, auth_required, current_user, hash_password
from flask_security.models import fsqla_v4
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from benchmarks.peers import as_ours

_TOKENS = as_ours.CARRIES == "token"

application = Flask(__name__)
application.config |= {
    "SECRET_KEY": as_ours.SECRET,
    "SECURITY_PASSWORD_SALT": "the salt of the benchmark",
    "SECURITY_REFRESH_TOKEN": _TOKENS,
    "SECURITY_REFRESH_TOKEN_COOKIE_NAME": None,
    "SECURITY_TOKEN_MAX_AGE": timedelta(hours=1),
    "SECURITY_API_ENABLED_METHODS": ["token"] if _TOKENS else ["session"],
    "SECURITY_CSRF_PROTECT_MECHANISMS": [],
    "WTF_CSRF_ENABLED": False,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SQLALCHEMY_DATABASE_URI": as_ours.DATABASE_URL.replace("postgresql://", "postgresql+psycopg://"),
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 10},
}
if as_ours.CHEAPLY_HASHED:
    application.config["SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS"] = {
        f"argon2__{name}": value for name, value in as_ours.CHEAP.items()
    }

database = SQLAlchemy(application)
fsqla_v4.FsModels.set_db_info(database)


class Role(database.Model, fsqla_v4.FsRoleMixin):
    """What an account may do."""


class User(database.Model, fsqla_v4.FsUserMixin):
    """An account."""


class FsRefreshTracker(database.Model, fsqla_v4.FsRefreshTrackerMixin):
    """A family of refresh tokens; its mixins know it by that name."""


accounts = SQLAlchemyUserDatastore(database, User, Role, refresh_tracker_model=FsRefreshTracker)
Security(application, accounts)


@application.post("/auth/register")
def register() -> ResponseReturnValue:
    """Make an account."""
    sent: dict[str, Any] = request.get_json()
    user = accounts.create_user(email=sent["email"], password=hash_password(sent["password"]))
    accounts.commit()
    return jsonify(id=str(user.id)), 201


@application.get("/me")
@auth_required("token" if _TOKENS else "session")
def me() -> ResponseReturnValue:
    """Who is asking."""
    return jsonify(id=str(current_user.id))


with application.app_context():
    if database.engine.dialect.name == "sqlite":
        event.listen(database.engine, "connect", as_ours.durable)
    if not as_ours.READY:
        database.create_all()
