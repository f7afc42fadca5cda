"""An attack on an API of one's own: `python -m sekisho_verify.attack URL --token-file FILE`.

`__main__` is the command, `material` what the forgeries are made of, `probe` sends one request, `report`
judges the answer and says what came of it, in the sentences of `report.toml`. The forgeries themselves are in
`sekisho_verify.forgeries`.
"""
