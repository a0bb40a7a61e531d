"""Every setting: typed, documented, from a TOML file, the environment or the command line.

declared.py  what can be set
intake.py    what can be said of a topic of a company's own
store.py     how the store of entity values is reached
loading.py   where settings come from
exposure.py  what must not be set together
"""

from afresh.settings.declared import PREFIX, Settings
from afresh.settings.exposure import check_exposure, is_loopback
from afresh.settings.intake import EACH, FIELDS, TYPES, Intake
from afresh.settings.loading import FILE, TEST_VARIABLES, load_settings

__all__ = [
    "EACH",
    "FIELDS",
    "FILE",
    "PREFIX",
    "TEST_VARIABLES",
    "TYPES",
    "Intake",
    "Settings",
    "check_exposure",
    "is_loopback",
    "load_settings",
]
