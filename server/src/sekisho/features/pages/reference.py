"""`/docs/api`: the OpenAPI document of this very server as a page, with no script and nobody else's files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from sekisho.features.pages import examples
from sekisho.features.pages.printing import Printer
from sekisho.frozen import Frozen
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Html, Page, Refused

API: Final = "/docs/api"


class Named(Frozen):
    """A parameter or a field: its name, what it is, whether it has to be there, and the document's words."""

    name: str
    kind: str
    required: bool
    description: str = ""

    @property
    def key(self) -> str:
        """By which its words are found: `sekisho_csrf`."""
        return self.name.lower().replace("-", "_")


class Operation(Frozen):
    """One method of one path. `who` are the names of what identifies a caller; `codes` by status."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    who: tuple[str, ...]
    anybody: bool
    parameters: tuple[Named, ...]
    body: tuple[Named, ...]
    answers: tuple[tuple[str, tuple[Named, ...]], ...]
    status: str
    streams: bool
    codes: tuple[tuple[str, tuple[str, ...]], ...]


def reference(printer: Printer) -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], _: Refused | None) -> Html:
        by_tag: dict[str, list[Operation]] = {}
        for each in operations(site.document()):
            by_tag.setdefault(each.tag, []).append(each)
        return await printer.page(
            site,
            call,
            "api.html",
            here=site.base_path + API,
            groups=by_tag,
            examples=partial(examples_of, site.issuer.rstrip("/")),
        )

    return (Page(path=API, show=show),)


@lru_cache(maxsize=2)
def operations(document: bytes) -> tuple[Operation, ...]:
    """The operations of an OpenAPI document, in its order."""
    found: Mapping[str, Any] = json.loads(document)
    schemas: Mapping[str, Any] = found["components"]["schemas"]
    return tuple(
        _operation(method, path, each, schemas)
        for path, methods in found["paths"].items()
        for method, each in methods.items()
    )


def examples_of(issuer: str, operation: Operation) -> tuple[tuple[str, str], ...]:
    """The same request by curl and in Python, each with the name of its tongue."""
    asked = [each.name for each in operation.parameters if each.kind == "query" and each.required]
    query = "&".join(f"{name}={{{name.upper()}}}" for name in asked)
    path = re.sub(r"\{\w+\}", lambda found: found[0].upper(), operation.path)
    url = f"{issuer}{path}{'?' if query else ''}{query}"
    body = examples.sent(operation.id, [(each.name, each.required) for each in operation.body])
    token = examples.token_of(operation.who)
    return tuple(
        (name, write(operation.method, url, body=body, token=token, streams=operation.streams))
        for name, write in (("curl", examples.curl), ("Python", examples.python))
    )


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    security: list[Mapping[str, Any]] = operation.get("security", [{}])
    responses: Mapping[str, Any] = operation["responses"]
    status = next(each for each in responses if each.startswith("2"))
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    return Operation(
        id=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        who=tuple(name for each in security for name in each),
        anybody={} in security,
        parameters=tuple(
            Named(each["name"], each["in"], each["required"], each.get("description", ""))
            for each in operation.get("parameters", [])
        ),
        body=next((fields for _, fields in _bodies(content, schemas)), ()),
        answers=tuple(_bodies(responses[status].get("content", {}), schemas)),
        status=status,
        streams="text/event-stream" in responses[status].get("content", {}),
        codes=tuple(_codes(responses)),
    )


def _bodies(
    content: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Named, ...]]]:
    """The alternatives of a body: its name (of a type of ours, else the media type), and its fields."""
    for media_type, described in content.items():
        schema = described["schema"]
        for each in schema.get("anyOf", [schema]):
            name = each.get("$ref", "").rpartition("/")[2]
            yield (name or media_type, tuple(_fields(schemas[name], schemas)) if name else ())


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Named]:
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield Named(name, _kind(each, schemas), name in required)


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A type in a word or two: `string`, `en | ja`, `[SessionLine]`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_kind(each, schemas) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}), schemas)}]"
    return str(schema.get("format", schema.get("type", "any")))


def _codes(responses: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for status, response in responses.items():
        described = response.get("content", {}).get("application/problem+json")
        if described is not None:
            yield status, tuple(described["schema"]["allOf"][1]["properties"]["code"]["enum"])
