"""Durable state: runs, environments, the inbox, effects, and the journal of every decision.

Rules of this room: the only one besides `jobs` that speaks SQL. Every public method is one transaction and
judges nothing. Times in tables are whole milliseconds since 1970 UTC, values of the domain are canonical
JSON made by `codec`, and no row, statement or driver error leaves the room.
"""
