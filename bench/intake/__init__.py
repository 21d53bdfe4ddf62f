"""How fast signed deliveries become durable, as a ratio to a bare Flask view on the same gunicorn.

Run `python -m bench.intake`; `bench/README.md` says how to read what it prints.
"""
