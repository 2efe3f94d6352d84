"""Adapters that turn what agents send into events of one shape.

Every adapter is a pure function from bytes to `Incoming` and `Rejected`; whether an event is new, which agent
sent it and when it was received is decided by the caller.
"""
