"""The durable wake-up service: `wake(subject)` leads to one more drain of that subject, whatever crashes.

Rules of the room: DBOS is known here and nowhere else, and it stores nothing but subjects; state, order and
timers are rows of the store. Importing this package starts nothing. Read `durable` for production, `inline`
for the in-memory twin with the same guarantees, `ticker` for what runs periodically.
"""
