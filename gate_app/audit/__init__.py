"""The journal for auditors: events one by one, and one page about one deployment.

Rules of the room: everything is made from the journal alone, with the run at each entry made again; what cannot be read
is said at its place, never left out; nothing is judged, changed or sent.
"""
