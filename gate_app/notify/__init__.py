"""Where people are told besides GitHub: the operator's channels, through Apprise; the only package that imports it."""
