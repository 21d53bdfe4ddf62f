"""`gate-app init`: a gate file and the workflows that it needs, fitted to a checkout.

Rules of the room: nothing of the repository is run; what it says is read within bounds and shown inert; no link is
followed, and nothing is replaced that was not shown; what it writes is read by our own reader first.
"""
