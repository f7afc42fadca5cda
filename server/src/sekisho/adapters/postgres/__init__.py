"""PostgreSQL through psycopg 3, an extra: `sekisho[postgres]`. The hot verbs are one statement each."""
