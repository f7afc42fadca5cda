"""What was revoked, and the rule that decides: all in memory, and pure but for a lock where one may publish.

`entries` is what an issuer publishes, `packed` and `sealed` how that goes over the network, `live` what a
verifier holds of it and how it judges a token by that, `freshness` how lately it was heard, `policy` the
verdict on a request when that is too long ago, `local` for who publishes in the process that checks.
"""
