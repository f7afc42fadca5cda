# ruff: noqa: INP001, T201 - a script: run from the root of the repository, it says what it wrote
"""Write down what the revisions do to an empty database, as SQL: a first start needs no Alembic for that.

python tools/schema.py               # after a new revision; a test holds the two against each other
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Final, get_args

from alembic import command
from alembic.config import Config

from sekisho.adapters import migrations
from sekisho.adapters.migrations.fresh import Dialect

FOLDER: Final = Path(migrations.__file__).parent

_HEAD: Final = "-- Written by tools/schema.py from the revisions: what they come to in an empty database.\n\n"


def rendered(dialect: Dialect) -> str:
    """Every statement of every revision, as Alembic writes it down for whoever runs it by hand."""
    written = StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", "sekisho.adapters:migrations")
    config.attributes["dialect"] = dialect
    command.upgrade(config, "head", sql=True)
    lines = written.getvalue().rstrip().splitlines()
    return _HEAD + "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    for each in get_args(Dialect):
        path = FOLDER / f"new.{each}.sql"
        path.write_text(rendered(each))
        print(path)
