"""DICOM: one file a role (recognise, header, values, functional groups, geometry, pixels, ...)."""

import logging
import warnings

from pydicom import config

# Files are taken as they are: a value that breaks a rule of its representation is read all the
# same, and pydicom's warnings and log lines would quote it, which may be a patient's name.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
_log = logging.getLogger("pydicom")
_log.addHandler(logging.NullHandler())
_log.propagate = False
