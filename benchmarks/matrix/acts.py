"""What clients do, one class an act; each reply is read as its server's own client would read it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.load import Reply, exchange
from benchmarks.matrix.dialects import Dialect, Ticket, WrongAnswerError


class Once:
    """One request, and whatever is said to it."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.reply: Reply

    def ask(self) -> bytes:
        """The request."""
        return self._request

    def heard(self, reply: Reply) -> None:
        """Keep it."""
        self.reply = reply


def asked(port: int, request: bytes) -> Reply:
    """The reply to one request."""
    once = Once(request)
    exchange(port, [once], requests=1)
    return once.reply


class Login:
    """Somebody who logs in again and again; the tickets are kept, for those who need them."""

    def __init__(self, dialect: Dialect, email: str, user_id: str) -> None:
        self._dialect = dialect
        self._request = dialect.login(email)
        self._user_id = user_id
        self.tickets: list[Ticket] = []

    def ask(self) -> bytes:
        """A login."""
        return self._request

    def heard(self, reply: Reply) -> None:
        """A session, of the right account where the answer says whose it is."""
        self.tickets.append(self._dialect.opened(reply, self._user_id))


class Reading:
    """Somebody who asks who he is, with several tickets in turn."""

    def __init__(self, dialect: Dialect, tickets: Sequence[Ticket]) -> None:
        self._dialect = dialect
        self._asking = [(dialect.me(ticket), ticket.user_id) for ticket in tickets]
        self._turn = 0

    def ask(self) -> bytes:
        """Who am I."""
        self._turn = (self._turn + 1) % len(self._asking)
        return self._asking[self._turn][0]

    def heard(self, reply: Reply) -> None:
        """The right account."""
        named, expected = self._dialect.named(reply), self._asking[self._turn][1]
        if named != expected:
            raise WrongAnswerError(f"{named} in the place of {expected}")


class Refreshing:
    """Somebody who refreshes several sessions in turn, each with what its last refresh gave."""

    def __init__(self, dialect: Dialect, tickets: Sequence[Ticket]) -> None:
        self._dialect = dialect
        self._tickets = [*tickets]
        self._turn = 0

    def ask(self) -> bytes:
        """A refresh."""
        self._turn = (self._turn + 1) % len(self._tickets)
        return self._dialect.refresh(self._tickets[self._turn])

    def heard(self, reply: Reply) -> None:
        """Two tokens that are not those from before."""
        self._tickets[self._turn] = self._dialect.refreshed(reply, self._tickets[self._turn])


class Leaving:
    """Somebody who logs out of one session after the other."""

    def __init__(self, dialect: Dialect, tickets: Sequence[Ticket]) -> None:
        self._dialect = dialect
        self._left = [*tickets]

    def ask(self) -> bytes:
        """A logout."""
        return self._dialect.logout(self._left.pop())

    def heard(self, reply: Reply) -> None:
        """That it was done."""
        self._dialect.ended(reply)
