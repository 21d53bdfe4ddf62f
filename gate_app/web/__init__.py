"""The HTTP faces of the app: the only package that imports Flask and gunicorn.

It receives ports and never builds them; `bootstrap` does.
"""
