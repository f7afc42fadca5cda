"""fastapi-users as its documentation builds it, on SQLAlchemy with asyncpg or aiosqlite.

`PEER_CARRIES` says what a login gives: `session` is a cookie with the database strategy, `redis` a cookie
with the Redis strategy, `token` a JWT as bearer. Beside the documentation, its pool holds ten connections,
as ours does: with the five of SQLAlchemy's default, eight clients make it connect anew all the time.
"""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"
# mypy does not see that environment: so whatever comes from fastapi-users is Any to it.

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    CookieTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users.schemas import BaseUser, BaseUserCreate
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from redis.asyncio import Redis
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from benchmarks.peers import as_ours

LIFETIME = 86_400

engine = create_async_engine(
    as_ours.DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://").replace(
        "sqlite://", "sqlite+aiosqlite://"
    ),
    pool_size=10,
)
if engine.dialect.name == "sqlite":
    event.listen(engine.sync_engine, "connect", as_ours.durable)
opened = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """All tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """An account."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A session."""


class Users(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """What happens to accounts: what it does by itself."""


async def database() -> AsyncGenerator[AsyncSession]:
    """A unit of work."""
    async with opened() as session:
        yield session


async def users_in(
    session: Annotated[AsyncSession, Depends(database)],
) -> AsyncGenerator[SQLAlchemyUserDatabase[User, uuid.UUID]]:
    """The accounts."""
    yield SQLAlchemyUserDatabase(session, User)


async def tokens_in(
    session: Annotated[AsyncSession, Depends(database)],
) -> AsyncGenerator[SQLAlchemyAccessTokenDatabase[AccessToken]]:
    """The sessions."""
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


async def manager(
    users: Annotated[SQLAlchemyUserDatabase[User, uuid.UUID], Depends(users_in)],
) -> AsyncGenerator[Users]:
    """Who manages the accounts."""
    yield Users(users, hashing)


def in_database(
    tokens: Annotated[SQLAlchemyAccessTokenDatabase[AccessToken], Depends(tokens_in)],
) -> DatabaseStrategy[User, uuid.UUID, AccessToken]:
    """Sessions in the database."""
    return DatabaseStrategy(tokens, lifetime_seconds=LIFETIME)


def in_redis() -> RedisStrategy[User, uuid.UUID]:
    """Sessions in Redis."""
    return RedisStrategy(redis, lifetime_seconds=LIFETIME)


def in_itself() -> JWTStrategy[User, uuid.UUID]:
    """A JWT, by HS256."""
    return JWTStrategy(as_ours.SECRET, lifetime_seconds=LIFETIME)


hashing = (
    PasswordHelper(PasswordHash((Argon2Hasher(**as_ours.CHEAP),)))
    if as_ours.CHEAPLY_HASHED
    else PasswordHelper()
)
redis = Redis.from_url(os.environ.get("PEER_REDIS_URL", "redis://"), decode_responses=True)
cookie = CookieTransport(cookie_max_age=LIFETIME)
backend = {
    "session": AuthenticationBackend("database", cookie, in_database),
    "redis": AuthenticationBackend("redis", cookie, in_redis),
    "token": AuthenticationBackend("jwt", BearerTransport("auth/login"), in_itself),
}[as_ours.CARRIES]
library = FastAPIUsers[User, uuid.UUID](manager, [backend])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Make the tables, and disconnect at the end."""
    if not as_ours.READY:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


application = FastAPI(lifespan=lifespan)
application.include_router(library.get_auth_router(backend), prefix="/auth")
application.include_router(library.get_register_router(BaseUser[uuid.UUID], BaseUserCreate), prefix="/auth")


@application.get("/me")
async def me(user: Annotated[User, Depends(library.current_user(active=True))]) -> dict[str, Any]:
    """Who is asking."""
    return {"id": str(user.id)}
