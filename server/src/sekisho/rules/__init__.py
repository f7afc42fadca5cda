"""What is true, whatever the database or transport: pure functions; no clock, no entropy, no I/O."""
