"""`gate-app doctor`: looks at everything that a running app rests on, and says what to mend.

Rules of the room: it reads and changes nothing, neither here nor at GitHub; what could not be looked at is said, never
taken for well; a finding says what it means and what to do. Nothing secret is in a finding.
"""
