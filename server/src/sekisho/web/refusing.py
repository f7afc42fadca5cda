"""A refusal leaves its traces: in the access log, in the counts, and for the operator its detail."""

from __future__ import annotations

import logging

from sekisho.rules.refusals import Refusal
from sekisho.web.logs import LOG, Line
from sekisho.web.metrics import REFUSALS, Metrics
from sekisho.web.request_context import RequestContext
from sekisho.web.wire import STATUS
from sekisho_verify.errors import TokenRefused


def note_refusal(context: RequestContext, refusal: Refusal | TokenRefused, metrics: Metrics) -> None:
    """Write down that this request was refused, however the caller is told."""
    context.code = refusal.code
    metrics.count(REFUSALS, context.route, refusal.code)
    if refusal.detail:
        level = logging.WARNING if STATUS[refusal.code] >= 500 else logging.DEBUG
        told = {"code": refusal.code, "detail": refusal.detail, "request_id": context.client.request_id}
        LOG.log(level, Line("refused", told))
