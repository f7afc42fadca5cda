"""sekisho: one login, as a session cookie or as a JWT.

The map of the house, from the roof down; arrows only point down, and a failing test holds each rule.

    cli/         one file a noun: serve, demo, user, group, session, key, token, db, config, doctor
    compose.py   the only file that knows everyone
    upkeep.py    what a server does meanwhile
    house.py     what one process holds open
    features/    true options, unknown to each other and to what lies below
    feature.py   what a feature hands to compose
    web/         transport kit: bytes to typed input, refusal to status, routes, the ASGI application
    flows/       one file per thing a person does; they never see HTTP or SQL, never call each other
    adapters/    the world: databases, password hashing, secrets, signing, clock and entropy
    ports.py     everything the core asks of the world, on one page
    settings.py  typed settings, read once
    rules/       pure: no clock, no entropy, no I/O
    frozen.py    what values are made of

Below all of them lies `sekisho_verify`, a distribution of its own: the server uses its own verifier.
"""
