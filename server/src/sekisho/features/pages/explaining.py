"""`/problems` and `/problems/{code}`: what a refusal means, for the person to whom `help` in its body led."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.printing import Printer
from sekisho.features.pages.typesetting import typeset
from sekisho.rules.refusals import Refusal
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Html, Page, Refused
from sekisho.web.routes_problems import explained
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import SHARED

PROBLEMS: Final = "/problems"
PROBLEM: Final = f"{PROBLEMS}/{{code}}"


def explaining(printer: Printer) -> tuple[Page, ...]:
    """The rows; programs have the endpoints of those paths."""

    async def show_all(site: Site, call: Call[Form], _: Refused | None) -> Html:
        problems = [explained(code, typeset(SHARED, call.language)) for code in sorted(STATUS)]
        return await printer.page(
            site, call, "problems.html", here=site.base_path + PROBLEMS, problems=problems
        )

    async def show(site: Site, call: Call[Form], _: Refused | None) -> Html:
        code = call.param
        if code not in STATUS:
            raise Refusal("not_found")
        problem = explained(code, typeset(SHARED, call.language))
        return await printer.page(
            site, call, "problem.html", here=f"{site.base_path}{PROBLEMS}/{code}", problem=problem
        )

    return (
        Page(path=PROBLEMS, show=show_all, beside_endpoint=True),
        Page(path=PROBLEM, show=show, beside_endpoint=True),
    )
