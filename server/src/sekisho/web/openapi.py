"""OpenAPI 3.1 from the rows that are served and the types that read and write; nothing is said twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from sekisho.web.endpoint import Endpoint
from sekisho.web.problems import Problem
from sekisho.web.wire import STATUS

_REF: Final = "#/components/schemas/{name}"
_REASONS: Final = {
    400: "The request is not well formed.",
    401: "Who asks is not known, or not any more.",
    403: "Known, and not allowed.",
    404: "There is nothing here.",
    409: "It contradicts what is there.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "Some fields are not right.",
    429: "Too many attempts.",
    500: "Something went wrong on the server.",
    503: "The server cannot answer right now.",
}
_NOT_MODIFIED: Final = {"description": "What the condition names is the newest there is."}
_REQUEST_ID: Final = {
    "description": "Names this request in the log.",
    "required": True,
    "schema": {"type": "string"},
}


def openapi(
    endpoints: Sequence[Endpoint[Any]], *, issuer: str, version: str, session_cookie: str
) -> dict[str, Any]:
    """The document, as a JSON value; `session_cookie` is the name under which that cookie goes."""
    kinds = [kind for each in endpoints for kind in (each.body, *_answers(each)) if isinstance(kind, type)]
    schemas, components = msgspec.json.schema_components([*kinds, Problem], ref_template=_REF)
    reference = dict(zip([*kinds, Problem], schemas, strict=True))
    components["Problem"]["properties"]["code"]["enum"] = sorted(STATUS)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in endpoints:
        paths[endpoint.path][endpoint.method.lower()] = _operation(endpoint, reference)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sekisho",
            "version": version,
            "description": "One login, as a session cookie or as a JWT; checked with no database; "
            "revoked everywhere within a second.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": issuer}],
        "paths": dict(paths),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt"},
                "session": {"type": "apiKey", "in": "cookie", "name": session_cookie},
                "feed": {"type": "http", "scheme": "bearer", "bearerFormat": "SEKISHO_FEED_TOKEN"},
            },
        },
    }


def _answers(endpoint: Endpoint[Any]) -> tuple[Any, ...]:
    return endpoint.answer if isinstance(endpoint.answer, tuple) else (endpoint.answer,)


def _operation(endpoint: Endpoint[Any], reference: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "responses": {
            str(endpoint.status if endpoint.answer else 204): _success(endpoint, reference),
            **_refusals(endpoint.all_codes),
        },
    }
    parameters = list(_parameters(endpoint))
    if endpoint.conditional:
        operation["responses"]["304"] = _NOT_MODIFIED
    if parameters:
        operation["parameters"] = parameters
    if endpoint.signed_in:
        operation["security"] = [{"bearer": []}, {"session": []}]
    elif endpoint.feed:
        operation["security"] = [{"feed": []}, {}]
    elif endpoint.token_codes:
        operation["security"] = [{"bearer": []}, {"session": []}, {}]
    if endpoint.body is not None:
        content = {"application/json": {"schema": reference[endpoint.body]}}
        operation["requestBody"] = {"required": not endpoint.body_optional, "content": content}
    return operation


def _parameters(endpoint: Endpoint[Any]) -> Iterable[dict[str, Any]]:
    _, brace, name = endpoint.path.partition("{")
    if brace:
        yield {
            "name": name.rstrip("}"),
            "in": "path",
            "required": True,
            "description": "The last segment of the path.",
            "schema": {"type": "string", "minLength": 1},
        }
    for each in endpoint.parameters:
        yield {
            "name": each.name,
            "in": each.place,
            "required": each.required,
            "description": each.description,
            "schema": each.schema,
        }


def _success(endpoint: Endpoint[Any], reference: dict[Any, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Done.", "headers": {"X-Request-Id": _REQUEST_ID}}
    content: dict[str, Any] = {}
    schemas = [reference[kind] for kind in _answers(endpoint) if isinstance(kind, type)]
    if schemas:
        content["application/json"] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    for kind in _answers(endpoint):
        if isinstance(kind, str):
            content[kind] = {"schema": {"type": "object" if kind == "application/json" else "string"}}
    if content:
        response["content"] = content
    return response


def _refusals(codes: Iterable[str]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        by_status[STATUS[code]].append(code)
    return {str(status): _refusal(status, found) for status, found in sorted(by_status.items())}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": _REQUEST_ID}
    if status in {429, 503}:
        headers["Retry-After"] = {"required": True, "schema": {"type": "integer", "minimum": 1}}
    if status == 401:
        headers["WWW-Authenticate"] = {"required": True, "schema": {"type": "string"}}
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {
        "description": _REASONS[status],
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"allOf": [{"$ref": _REF.format(name="Problem")}, narrowed]}
            }
        },
    }
