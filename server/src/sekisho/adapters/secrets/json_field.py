"""One field of a secret that is a JSON object: `#name`, for stores that keep several secrets under one id."""

from __future__ import annotations

from sekisho.adapters.secrets.secret import Secret
from sekisho.setting_words import Words
from sekisho.settings import refused
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import EncodingError


def json_field(content: Secret, name: str, *, where: str) -> Secret:
    """The text under `name`, as bytes. `where` names the secret in a refusal.

    Raises:
        SettingsRefused: it is no JSON object, has no such member, or what is under the name is no text.
    """
    # Refused from here and not from where the text is in hand: a traceback with locals shows these alone.
    found = _find(content, name)
    if isinstance(found, Secret):
        return found
    raise refused(where, *found)


def _find(content: Secret, name: str) -> Secret | tuple[Words, Words]:
    """The text under the name, or what is wrong and what to do."""
    held = _members(content)
    if held is None:
        return (
            Words(
                f"is not a JSON object, so it has no field {name}",
                f"JSON オブジェクトではないので、フィールド {name} がありません",
            ),
            Words(
                f'store {{"{name}": "..."}}, or leave #{name} out of the reference',
                f'{{"{name}": "..."}} の形で入れるか、参照から #{name} を外してください',
            ),
        )
    if name not in held:
        return (
            Words(f"has no field {name}", f"フィールド {name} がありません"),
            Words("add it to the JSON object, or correct its name", "JSON に加えるか、名前を直してください"),
        )
    text = held[name]
    value = _bytes(text) if isinstance(text, str) else None
    if value is None:
        return (
            Words(f"has a field {name} that is not a string", f"フィールド {name} が文字列ではありません"),
            Words(
                "store it as a JSON string; a JWK too, with its quotes escaped",
                "JSON の文字列として入れてください。JWK も、引用符をエスケープした文字列にします",
            ),
        )
    return Secret(value)


def _members(content: Secret) -> dict[str, object] | None:
    try:
        return json_object(content.reveal(), unique_members=True)
    except EncodingError:
        return None


def _bytes(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair; the exception would carry the text
        return None
