"""The schema and its history, by Alembic. A start that finds its schema in place imports nothing of it."""
