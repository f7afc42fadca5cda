"""`/problems/{code}`: what a refusal means, for the person to whom `help` in its body led."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.printing import Printer
from sekisho.features.pages.typesetting import typeset
from sekisho.rules.refusals import Refusal
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Html, Page, Refused
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import SHARED

PROBLEM: Final = "/problems/{code}"


def explaining(printer: Printer) -> tuple[Page, ...]:
    """The row; programs have the endpoint of that path."""

    async def show(site: Site, call: Call[Form], _: Refused | None) -> Html:
        code = call.param
        if code not in STATUS:
            raise Refusal("not_found")
        say = typeset(SHARED, call.language)
        return await printer.page(
            site,
            call,
            "problem.html",
            here=f"{site.base_path}/problems/{code}",
            code=code,
            status=STATUS[code],
            title=say(f"problem.{code}.title"),
            # How long, only the refusal itself could say.
            detail=say(f"problem.{code}.detail", count="N"),
        )

    return (Page(path=PROBLEM, show=show, beside_endpoint=True),)
