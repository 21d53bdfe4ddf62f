"""The receiver's raw path: verify, bound, commit, answer; nothing heavier than a plain driver.

A delivery is acknowledged only after its row is durable. This room imports neither SQLAlchemy nor
PyGithub nor DBOS, so that a web process stays small; what the delivery means is decided later, by the
engine.
"""
