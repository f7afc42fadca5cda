"""Everything that a server answers to, by its own list, asked in every way in which a caller goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from uuid import uuid4

import httpx2

from tests.parts.leaks import of_token

#: Members of an answer, and of a page, by which a secret is handed to whom it belongs.
HANDED = {"access_token", "refresh_token", "device_token", "csrf_token"}
_IN_PAGES = re.compile(rb'value="skc1_[A-Za-z0-9_-]+"')
_FORM = re.compile(r'<form[^>]*\baction="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<(?:input|button)\b[^>]*?\bname="([^"]+)"(?:[^>]*?\bvalue="([^"]*)")?')
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Heard:
    """An answer: what was asked, all bytes of it, and those that hand nothing out."""

    asked: str
    status: int
    everything: bytes
    rest: bytes


@dataclass
class Person:
    """Who asks; the passwords change places when one is changed. And what verifiers show to the feed."""

    email: str
    password: str
    other: str
    feed: str = "none"
    code: str = "none"  # of the setup


@dataclass(frozen=True)
class Credentials:
    """What three logins hand out, one in each mode; empty where none succeeded."""

    tokens: dict[str, Any]
    session: dict[str, Any]
    session_cookies: dict[str, str]
    browser_cookies: dict[str, str]


@dataclass
class Surface:
    """Asks a server everything, and remembers each answer and each secret that was handed out."""

    url: str
    person: Person
    heard: list[Heard] = field(default_factory=list)
    handed: set[bytes] = field(default_factory=set)
    kept: Credentials | None = None
    _client: httpx2.Client = field(default_factory=partial(httpx2.Client, timeout=30), repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def secrets(self) -> dict[str, bytes]:
        """All that was handed out, and the secret parts of it."""
        return {
            f"{part} of {token[:14].decode()}": secret
            for token in self.handed
            for part, secret in of_token(token).items()
        }

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:  # noqa: ANN401 -- arguments of httpx2
        """One request of a client without memory; the answer is remembered here."""
        self._client.cookies.clear()
        try:
            with self._client.stream(method, self.url + path, **how) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if "event-stream" in answer.headers.get("content-type", ""):
                        break
        except httpx2.TransportError as fault:  # the server hangs up on what is not HTTP
            return httpx2.Response(400, content=str(fault).encode(), request=fault.request)
        answer = httpx2.Response(
            answer.status_code, headers=_undecoded(answer.headers), content=body, request=answer.request
        )
        self._remember(f"{method} {path}", answer)
        return answer

    def _remember(self, asked: str, answer: httpx2.Response) -> None:
        head = [b"%b: %b" % pair for pair in answer.headers.raw if pair[0].lower() != b"set-cookie"]
        cookies = answer.headers.get_list("set-cookie")
        body = answer.content
        document = _json(body)
        self.handed |= {value.encode() for value in _members(document)}
        self.handed |= {value.encode() for value in _cookie_values(cookies)}
        rest = _IN_PAGES.sub(b"", body) if document is None else json.dumps(_without(document)).encode()
        everything = b"\n".join([*head, *(cookie.encode() for cookie in cookies), body])
        self.heard.append(Heard(asked, answer.status_code, everything, b"\n".join([*head, rest])))

    def register(self) -> None:
        """Make the account."""
        account = {"email": self.person.email, "password": self.person.password}
        self.ask("POST", "/v1/accounts", json=account)

    def set_up(self, code: str, email: str) -> None:
        """Make the administrator: after the code came with a wrong letter, and with a bad password."""
        self.person.code = code
        spoiled = code[:-1] + ("0" if code[-1] != "0" else "1")
        for given, password in ((spoiled, self.person.password), (code, "x"), (code, self.person.password)):
            self.ask("POST", "/v1/setup", json={"code": given, "email": email, "password": password})

    def log_in(self, mode: str) -> tuple[dict[str, Any], dict[str, str]]:
        """What a login in that mode hands out: the members of the answer, and the cookies."""
        before = self.ask("GET", "/v1/csrf")
        headers = {"Sekisho-CSRF": before.json().get("csrf_token", "none")}
        body = {"email": self.person.email, "password": self.person.password, "mode": mode}
        cookies = dict(before.cookies)
        answer = self.ask("POST", "/v1/login", json=body, headers=headers, cookies=cookies)
        if answer.status_code == 401:
            # Something that was asked has changed it.
            self.person.password, self.person.other = self.person.other, self.person.password
            body["password"] = self.person.password
            answer = self.ask("POST", "/v1/login", json=body, headers=headers, cookies=cookies)
        return (answer.json() if answer.is_success else {}), dict(answer.cookies)

    def credentials(self) -> Credentials:
        """Those that were kept for a bad day, else new ones: some requests end their session."""
        if self.kept is not None:
            return self.kept
        tokens, _ = self.log_in("token")
        session, session_cookies = self.log_in("session")
        _, browser_cookies = self.log_in("browser")
        return Credentials(tokens, session, session_cookies, browser_cookies)

    def everything(self, pages: Sequence[str] = ()) -> int:
        """Ask every operation that the server lists, in every way, and pages; the number of operations."""
        document = self.ask("GET", "/openapi.json").json()
        operations = [
            (method.upper(), path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method.upper() in _METHODS
        ]
        operations += [("GET", "/crash", {}), ("POST", "/crash", {}), ("GET", "/no/such/page", {})]
        for method, path, operation in operations:
            for way in _ways(self, path, _members_of(document, operation)):
                way(method)
        for path in pages:
            self.page(path)
        for path in {path for _, path, _ in operations} | set(pages) if pages else ():
            for method in (*_METHODS, "TRACE", "BREW"):
                self.ask(method, path.replace("{id}", str(uuid4())), content=self.person.password.encode())
        return len(operations)

    def page(self, path: str) -> None:
        """Open a page with and without a session, and send each of its forms: whole and wrong."""
        for cookies in ({}, self.credentials().session_cookies):
            shown = self.ask("GET", path, cookies=cookies, headers={"Accept": "text/html"})
            held = {**cookies, **dict(shown.cookies)}
            page = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
            for action, form in _FORM.findall(shown.text):
                given = dict(_FIELD.findall(form))
                fields = {name: given[name] or str(_value(name, self.person, {})) for name in given}
                for change in ({}, {"password": self.person.other}, {"csrf_token": self.person.password}):
                    self.ask("POST", action, data={**fields, **change}, cookies=held, headers=page)
            self.ask("POST", path, content=self.person.password.encode(), cookies=held, headers=page)


def _ways(surface: Surface, path: str, members: set[str]) -> Iterator[Callable[[str], object]]:
    """The ways to ask one operation, the good and the bad."""
    person, held = surface.person, surface.credentials()
    tokens, session, cookies, browser = (
        held.tokens,
        held.session,
        held.session_cookies,
        held.browser_cookies,
    )
    access, refresh = tokens.get("access_token", "none"), tokens.get("refresh_token", "none")
    csrf = session.get("csrf_token", "none")
    body = {name: _value(name, person, tokens) for name in members}
    bearer = {"Authorization": f"Bearer {access}"}
    page = {"Sekisho-CSRF": csrf, "Origin": surface.url, "Sec-Fetch-Site": "same-origin"}
    whole = json.dumps(body or {"password": person.password, "refresh_token": refresh})
    as_json = {"Content-Type": "application/json"}

    def ask(at: str | None = None, **how: Any) -> Callable[[str], object]:  # noqa: ANN401 -- as above
        where = path.replace("{id}", str(tokens.get("session_id", uuid4()))) if at is None else at
        return lambda method: surface.ask(method, where, **how)

    yield ask()
    yield ask(content=whole[:-1], headers={**as_json, **bearer})
    yield ask(json={name: [value] for name, value in body.items()}, headers=bearer)
    yield ask(json={**body, "stranger": person.password}, headers=bearer)
    yield ask(json=[person.password, refresh, access], headers={**bearer, "Accept-Language": "ja"})
    yield ask(data={"password": person.password, "refresh_token": refresh}, headers=bearer)
    yield ask(json=body, headers={**bearer, "Content-Type": "text/plain"})
    yield ask(content=b'"' + person.password.encode() * 9000 + b'"', headers={**as_json, **bearer})
    yield ask(params={"access_token": access, "password": person.password, "code": refresh})
    yield ask(f"{path.replace('{id}', 'x')}/{access}/{person.password}", headers={"Accept": "text/html"})
    yield ask(json=body, headers={"Authorization": f"Bearer {access[:-2]}"}, cookies=_spoiled(cookies))
    yield ask(json=body, headers={"Authorization": f"Basic {access}"}, cookies={**cookies, **browser})
    yield ask(json={**body, **_wrong(person, body)}, headers=bearer)
    yield ask(json=body, headers={**page, "Sec-Fetch-Site": "cross-site"}, cookies=cookies)
    yield ask(json=body, headers={**page, "Accept": "text/html"}, cookies=cookies)
    yield ask(json=body, headers={**page, "Sekisho-Client": "1"}, cookies=browser)
    yield ask(json=body, headers={**bearer, "Idempotency-Key": refresh})
    yield ask(headers={"Authorization": f"Bearer {person.feed}"})


def _value(name: str, person: Person, tokens: dict[str, Any]) -> object:
    """What an honest caller would put there."""
    known = {
        "email": person.email,
        "password": person.password,
        "current_password": person.password,
        "new_password": person.other,
        "refresh_token": tokens.get("refresh_token", "none"),
        "device_token": tokens.get("device_token", "none"),
        "mode": "token",
        "locale": "ja",
        "scope": "this",
        "code": person.code,
    }
    return known.get(name, person.password)


def _wrong(person: Person, body: dict[str, Any]) -> dict[str, str]:
    """Passwords that are not right: the other one, which is a secret as well."""
    return {name: person.other for name in body if name in {"password", "current_password"}}


def _spoiled(cookies: dict[str, str]) -> dict[str, str]:
    return {name: f"{value[:-2]}AA" for name, value in cookies.items()}


def _members_of(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    """The members of the body that an operation takes, by the document."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = next((each["schema"] for each in content.values()), {})
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return set(schema.get("properties", {}))


def _undecoded(headers: httpx2.Headers) -> list[tuple[str, str]]:
    """The headers of a body that has been decoded and is whole."""
    gone = {"content-encoding", "transfer-encoding", "content-length"}
    return [(name, value) for name, value in headers.multi_items() if name.lower() not in gone]


def _json(body: bytes) -> Any:  # noqa: ANN401 -- any JSON
    try:
        return json.loads(body)
    except ValueError:
        return None


def _members(document: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    if isinstance(document, dict):
        for name, value in document.items():
            if name in HANDED and isinstance(value, str):
                yield value
            else:
                yield from _members(value)


def _without(document: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(document, dict):
        return {name: _without(value) for name, value in document.items() if name not in HANDED}
    return document


def _cookie_values(cookies: list[str]) -> Iterator[str]:
    for cookie in cookies:
        value = cookie.partition(";")[0].partition("=")[2]
        if value:
            yield value
