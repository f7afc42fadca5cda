"""The world: databases, password hashing, secrets, signing, clock and entropy."""
