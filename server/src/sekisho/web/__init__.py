"""The transport kit: bytes to typed input, refusal to status, routes, the ASGI application."""
