"""The store in plain SQL: what is done, written once; `sqlite.py` and `postgres.py` are only how."""
