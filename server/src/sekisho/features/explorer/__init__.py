"""The flow explorer: what really happens at login, on a call, at expiry, at logout, in theft and forgery.

The servers of a stage are the real ones; a tap around each tells what came in and what went out, and the
adapters tell of the statements, hashes and signatures in between. Nothing is drawn that was not told.
"""
