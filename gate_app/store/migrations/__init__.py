"""The history of the tables' shape, run by `gate_app.store.database.migrate`.

Rules of this folder: a released migration is never edited. Changes are expand first, contract a release
later, so that old and new code can run side by side (case 204).
"""
