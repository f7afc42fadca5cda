"""Secrets by reference: `scheme:name`, one source a scheme, each in a file of its own."""
