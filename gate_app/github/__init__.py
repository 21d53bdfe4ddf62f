"""GitHub: who we are to it, what we ask and tell it, and what its webhooks and comments mean."""
