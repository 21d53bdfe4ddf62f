"""How automated work runs: in a worktree of one commit, confined, bounded, supervised, with a verdict.

This package knows the domain's evidence and the engine's ports, and nothing else of the engine, the store, GitHub
or the web. Start reading at ``workers`` (the engine's side) or ``child`` (the side that does the work).
"""
