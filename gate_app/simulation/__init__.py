"""What the gates would say of a change that is only described: `gate-app simulate`, and the tests of a policy.

Rules of the room: the judgement is the one of production (`domain.decide`), given facts from a file instead of from
GitHub; no network, no database, nothing is released. What the facts do not say is not known, and what is not known
opens nothing, here as there. The way of the data: bytes → facts → world → outcomes → report.
"""
