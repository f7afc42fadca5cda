"""`python -m sekisho` is `sekisho`."""

from sekisho.cli.main import main

if __name__ == "__main__":  # a worker process imports this file under another name
    main()
