"""fastapi-users as its documentation builds it: cookie transport, database strategy, SQLAlchemy on asyncpg.

Beside the documentation, its pool holds ten connections, as ours does: with the five of SQLAlchemy's default,
eight clients make it connect anew all the time.
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
from fastapi_users.authentication import AuthenticationBackend, CookieTransport
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.schemas import BaseUser, BaseUserCreate
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

LIFETIME = 86_400

engine = create_async_engine(
    os.environ["PEER_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10
)
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
    yield Users(users)


def strategy(
    tokens: Annotated[SQLAlchemyAccessTokenDatabase[AccessToken], Depends(tokens_in)],
) -> DatabaseStrategy[User, uuid.UUID, AccessToken]:
    """Sessions in the database."""
    return DatabaseStrategy(tokens, lifetime_seconds=LIFETIME)


backend = AuthenticationBackend(
    name="database", transport=CookieTransport(cookie_max_age=LIFETIME), get_strategy=strategy
)
library = FastAPIUsers[User, uuid.UUID](manager, [backend])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Make the tables, and disconnect at the end."""
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
