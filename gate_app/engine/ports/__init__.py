"""What the engine needs from the rest of the world, as protocols; adapters implement them and nothing else.

Rules of the room: no vendor type passes through a port, and adapters import this package alone of the engine. Times are
aware UTC datetimes.
"""

from gate_app.engine.ports.deliveries import Admission, DeliveryContent, DeliveryLog, DeliveryRecord
from gate_app.engine.ports.hub import (
    Archive,
    Artifacts,
    Checkout,
    Comparison,
    Globs,
    Hub,
    LiveChange,
    PolicyAbsent,
    PolicyFile,
    PolicyReader,
    PolicyRefused,
    Survey,
)
from gate_app.engine.ports.jobs import Clock, Jobs
from gate_app.engine.ports.notices import (
    LOOK,
    CommitNoticed,
    ConversationNoticed,
    Delivery,
    Ignored,
    InboxItem,
    InboxRow,
    Notice,
    Payloads,
    RollbackDue,
    RunNoticed,
    SubjectNoticed,
    WorkNoticed,
    passed_over,
)
from gate_app.engine.ports.store import (
    WORKFLOW_SURFACE,
    PendingEffect,
    SetAside,
    Step,
    Store,
    StoredRun,
    Transition,
)
from gate_app.engine.ports.workers import Child, Running, Vanished, Workers

__all__ = [
    "LOOK",
    "WORKFLOW_SURFACE",
    "Admission",
    "Archive",
    "Artifacts",
    "Checkout",
    "Child",
    "Clock",
    "CommitNoticed",
    "Comparison",
    "ConversationNoticed",
    "Delivery",
    "DeliveryContent",
    "DeliveryLog",
    "DeliveryRecord",
    "Globs",
    "Hub",
    "Ignored",
    "InboxItem",
    "InboxRow",
    "Jobs",
    "LiveChange",
    "Notice",
    "Payloads",
    "PendingEffect",
    "PolicyAbsent",
    "PolicyFile",
    "PolicyReader",
    "PolicyRefused",
    "RollbackDue",
    "RunNoticed",
    "Running",
    "SetAside",
    "Step",
    "Store",
    "StoredRun",
    "SubjectNoticed",
    "Survey",
    "Transition",
    "Vanished",
    "WorkNoticed",
    "Workers",
    "passed_over",
]
