"""What can go wrong with the wake-up service."""

from __future__ import annotations

from gate_app.errors import ConfigurationFault, GateFault


class JobsNotRunning(GateFault):
    """`wake` was called before `start` or after `stop`; nothing was queued."""


class JobsAlreadyRunning(ConfigurationFault):
    """A second runtime in one process, or on one SQLite database; the text says what to do instead.

    Trying again does not help: the operator has to stop one, so it counts as a fault of configuration.
    """


class StillBusy(GateFault):
    """The in-memory twin did not come to rest within the number of drains it was given."""
