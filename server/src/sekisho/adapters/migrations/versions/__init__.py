"""One file a revision; each only adds, so that the release before it still runs on the result."""
