"""Check a sekisho access token."""
