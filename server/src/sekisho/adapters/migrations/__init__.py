"""The schema and its history, by Alembic. A start that finds its schema in place imports nothing of it.

Nor does one that finds an empty database: what the revisions come to there is written down in `new.*.sql`.
"""
