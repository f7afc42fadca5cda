"""A browser as the server sees one: a cookie jar, its own origin, and the headers that it adds by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from tests.web.served import Served

#: A page of our own, in a browser of today.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8400"}


def cookies_of(answer: httpx2.Response) -> dict[str, str]:
    """Name and value of every cookie that an answer sets; an empty value removes one."""
    pairs = (line.partition(";")[0].partition("=") for line in answer.headers.get_list("set-cookie"))
    return {name: value for name, _, value in pairs}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal; the code is empty where there is none."""
    problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if problem else ""


@dataclass
class Browser:
    """One browser with one window, on our own page unless a test says otherwise."""

    served: Served
    page: Mapping[str, str] = field(default_factory=lambda: OWN_PAGE)
    jar: dict[str, str] = field(default_factory=dict)
    csrf_token: str = ""

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> httpx2.Response:
        """One request with the cookies of the jar; `keep`: take what the answer sets."""
        self.served.client.cookies.clear()  # the client's own jar is nobody's browser
        sent = {**self.page, **(headers or {})}
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = await self.served.client.request(method, path, json=body, headers=sent)
        if keep:
            self.keep(answer)
        return answer

    def keep(self, answer: httpx2.Response) -> None:
        """Take the cookies of an answer, as a browser does whenever it arrives."""
        for name, value in cookies_of(answer).items():
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Look at something."""
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """Change something, with the CSRF token of this page."""
        return await self.send("POST", path, body, headers={"Sekisho-CSRF": self.csrf_token, **headers})

    async def delete(self, path: str) -> httpx2.Response:
        """Remove something, with the CSRF token of this page."""
        return await self.send("DELETE", path, headers={"Sekisho-CSRF": self.csrf_token})

    async def open_page(self) -> str:
        """Fetch the CSRF token for the cookies that there are."""
        self.csrf_token = (await self.get("/v1/csrf")).json()["csrf_token"]
        return self.csrf_token

    async def login(
        self, mode: str = "session", *, email: str = EMAIL, password: str = PASSWORD
    ) -> dict[str, Any]:
        """Log in with an account that was made, and have the token for what comes next."""
        await self.open_page()
        answer = await self.post("/v1/login", {"email": email, "password": password, "mode": mode})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        await self.open_page()
        return body

    async def refresh(self, *, keep: bool = True, key: str | None = None) -> httpx2.Response:
        """Refresh by the cookie; `key` is the Idempotency-Key."""
        headers = {"Sekisho-Client": "1"} | ({} if key is None else {"Idempotency-Key": key})
        return await self.send("POST", "/v1/refresh", headers=headers, keep=keep)

    async def me(self) -> tuple[int, str]:
        """Whether the cookie of this browser is that of a living session."""
        return code_of(await self.get("/v1/me"))
