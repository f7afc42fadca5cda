"""Where secrets live: one file a provider, each behind the same port."""
