"""What the pages hand to `compose.py`."""

from __future__ import annotations

import math

from sekisho.feature import Feature
from sekisho.features.pages.account import account
from sekisho.features.pages.assets import ICON, SCRIPTS, STYLE
from sekisho.features.pages.branding import brand
from sekisho.features.pages.choices import choices
from sekisho.features.pages.data import data
from sekisho.features.pages.deleting import deleting
from sekisho.features.pages.entering import entering
from sekisho.features.pages.explaining import explaining
from sekisho.features.pages.leaving import leaving
from sekisho.features.pages.printing import Printer
from sekisho.features.pages.reference import reference
from sekisho.features.pages.setting_up import setting_up
from sekisho.features.pages.welcoming import welcoming
from sekisho.ports import Clock
from sekisho.settings import Settings


def pages(settings: Settings, clock: Clock) -> Feature:
    """The feature, for servers that keep their sessions: without them there is no cookie to log in with.

    Raises:
        SettingsRefused: the logo cannot be used.
    """
    shown = brand(settings)
    printer = Printer(
        sign_up=settings.signup == "open",
        password_minimum=settings.password_minimum,
        access_minutes=math.ceil(settings.access_ttl / 60),
        clock=clock,
        brand=shown,
    )
    return Feature(
        name="pages",
        pages=(
            *setting_up(printer),
            *welcoming(printer, settings.audience),
            *entering(printer),
            *leaving(printer),
            *account(printer),
            *data(printer),
            *deleting(printer),
            *choices(),
            *explaining(printer),
            *reference(printer),
            STYLE,
            ICON,
            *shown.assets,
            *SCRIPTS.values(),
        ),
        error_page=printer.error,
    )
