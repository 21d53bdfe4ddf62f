"""The judgement itself: pure, standard library only.

Nothing in here does I/O, reads a clock, draws a random number or knows a vendor. Everything a rule needs
is fetched before and passed in (`conditions`). Start reading at `decide`.
"""
