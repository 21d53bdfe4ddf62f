"""The HTTP surface of the stand-in: GitHub's REST API, git over HTTP, and the control API.

One module for each group of routes. A route reads as: open a transaction, find out who visits what with
which permission, parse the body, act, render. Refusals are raised and answered in `app`.
"""
