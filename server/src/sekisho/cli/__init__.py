"""The command line, one file a noun; `sekisho.cli.main:main` is the entry point."""
