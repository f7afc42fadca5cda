"""What `sekisho doctor` looks at: each file one place, each check one finding with its fix."""
