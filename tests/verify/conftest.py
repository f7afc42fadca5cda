"""What the tests of the verifier find prepared."""

from __future__ import annotations

import os

# Django reads its settings when they are first asked for, by whichever test file is imported first.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.verify.django_settings")
