"""The credit in FastAPI and SQLAlchemy's asynchronous ORM, as their documentation has it."""

import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, DateTime, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["PEER_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=8, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}


class Token(Base):
    __tablename__ = "peer_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[int]
    hash: Mapped[bytes]
    name: Mapped[str]
    revoked_at: Mapped[datetime | None]


class Account(Base):
    __tablename__ = "peer_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[int]
    balance: Mapped[int] = mapped_column(BigInteger)


class Request(Base):
    __tablename__ = "peer_request"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant: Mapped[int]
    caller: Mapped[int]
    key: Mapped[str]
    digest: Mapped[bytes]
    reply: Mapped[str]
    at: Mapped[datetime]


class Entry(Base):
    __tablename__ = "peer_entry"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant: Mapped[int]
    account: Mapped[int]
    request: Mapped[uuid.UUID]
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    at: Mapped[datetime]


class Lot(Base):
    __tablename__ = "peer_lot"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant: Mapped[int]
    account: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None]


class Event(Base):
    __tablename__ = "peer_event"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant: Mapped[int]
    name: Mapped[str]
    body: Mapped[str]
    at: Mapped[datetime]


class CreditIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    asset: Literal["points", "growth", "stored_value"]
    amount: int = Field(ge=1, le=10**12)
    reason: str = Field(min_length=1, max_length=100)


class CreditOut(BaseModel):
    id: uuid.UUID
    entry: uuid.UUID
    amount: int
    balance: int


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def caller(database: Session, authorization: Annotated[str, Header()] = "") -> Token:
    scheme, _, text = authorization.partition(" ")
    hashed = hashlib.sha256(text.encode()).digest()
    wanted = select(Token).where(Token.hash == hashed, Token.revoked_at.is_(None))
    token = await database.scalar(wanted) if scheme == "Bearer" else None
    if token is None:
        raise HTTPException(401)
    return token


app = FastAPI()


@app.post("/accounts/{account}/points")
async def credit(
    account: int, body: CreditIn, database: Session, token: Annotated[Token, Depends(caller)],
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
) -> CreditOut:  # fmt: skip
    now, tenant, caller_id = datetime.now(UTC), token.tenant, token.id
    digest = hashlib.sha256(f"{account}\n{body.model_dump_json()}".encode()).digest()
    kept = Request(
        id=uuid.uuid4(), tenant=tenant, caller=caller_id, key=idempotency_key, digest=digest, reply="", at=now
    )
    database.add(kept)
    try:
        await database.flush()
    except IntegrityError:
        await database.rollback()
        same = (Request.tenant == tenant, Request.caller == caller_id, Request.key == idempotency_key)
        first = await database.scalar(select(Request).where(*same))
        if first is None or first.digest != digest:
            raise HTTPException(422, "this key was used for another request") from None
        return CreditOut.model_validate_json(first.reply)
    added = update(Account).where(Account.tenant == tenant, Account.id == account)
    balance = await database.scalar(added.values(balance=Account.balance + body.amount).returning(Account.balance))
    if balance is None:
        raise HTTPException(404)
    entry = Entry(
        id=uuid.uuid4(), tenant=tenant, account=account, request=kept.id, amount=body.amount, balance_after=balance,
        reason=body.reason, at=now,
    )  # fmt: skip
    event = json.dumps({"account": account, "amount": body.amount})
    database.add_all(
        (
            entry,
            Lot(tenant=tenant, account=account, amount=body.amount, remaining=body.amount),
            Event(tenant=tenant, name="points_credited", body=event, at=now),
        )
    )
    out = CreditOut(id=kept.id, entry=entry.id, amount=body.amount, balance=balance)
    kept.reply = out.model_dump_json()
    await database.commit()
    return out
