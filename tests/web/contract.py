"""Every response, held to what /openapi.json promises."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, FormatChecker

if TYPE_CHECKING:
    import httpx2

PROBLEM = "application/problem+json"
# Methods are case-sensitive (RFC 9110 section 9.1).
_AS_DECLARED = {"GET": "get", "POST": "post", "DELETE": "delete"}


class Contract:
    """The document of a server, and the check of a response against it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._validator = cache(self._make_validator)

    def check(self, response: httpx2.Response, *, base_path: str = "") -> None:
        """Fail unless the document says that this may be answered to that request."""
        request = response.request
        self.check_at(response, request.method, request.url.path.removeprefix(base_path))

    def check_at(self, response: httpx2.Response, method: str, path: str) -> None:
        """The same for a request that no client would send."""
        head = method == "HEAD"
        template = self.template(path)
        assert response.headers["x-request-id"], "every response names its request"
        if template is None:
            foreign = response.status_code == 403 and method not in {"GET", "HEAD", "OPTIONS"}
            self._refused(response, "origin_not_allowed" if foreign else "not_found", head=head)
            return
        operation = self.document["paths"][template].get("get" if head else _AS_DECLARED.get(method))
        if operation is None:
            if method == "OPTIONS" and response.status_code in {200, 204, 403}:
                return  # what a browser asks by itself; 403 is a preflight that does not pass
            self._refused(response, "method_not_allowed", head=head)
            assert response.headers["allow"], "RFC 9110 section 15.5.6"
            return
        found = operation["responses"].get(str(response.status_code))
        assert found, f"{method} {template} does not promise {response.status_code}: {response.text}"
        for name, header in found.get("headers", {}).items():
            assert not header["required"] or name in response.headers, f"{name} is promised"
        if not head:
            self._check_content(response, found.get("content", {}))

    def template(self, path: str) -> str | None:
        """The declared path that a path is of."""
        if path in self.document["paths"]:
            return path
        head, _, tail = path.rpartition("/")
        fitting = (each for each in self.document["paths"] if each.startswith(f"{head}/{{"))
        return next(fitting, None) if tail else None

    def _check_content(self, response: httpx2.Response, content: dict[str, Any]) -> None:
        if not content:
            assert response.content == b"", "no content is promised"
            return
        kind = response.headers["content-type"].partition(";")[0]
        assert kind in content, f"{kind} is not among {list(content)}"
        if kind.endswith("json"):
            self._validate(content[kind]["schema"], response.json())

    def _refused(self, response: httpx2.Response, code: str, *, head: bool) -> None:
        if head:
            return
        assert response.headers["content-type"] == PROBLEM
        body = response.json()
        assert body["code"] == code
        self._validate({"$ref": "#/components/schemas/Problem"}, body)

    def _validate(self, schema: dict[str, Any], value: object) -> None:
        self._validator(repr(schema), _Hashable(schema)).validate(value)

    def _make_validator(self, _: str, schema: _Hashable) -> Draft202012Validator:
        whole = {**schema.value, "components": self.document["components"]}
        return Draft202012Validator(whole, format_checker=FormatChecker())


class _Hashable:
    """A schema as a key of a cache; the text beside it tells one from another."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashable) and other.value == self.value
