"""What commands say of themselves in Japanese. In English their docstrings do: there is no other file."""
