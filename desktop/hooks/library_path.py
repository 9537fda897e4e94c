"""Give programs that are started from here (a browser, a file manager) their own libraries.

On Linux the build's starter puts the build's folder into LD_LIBRARY_PATH, and every child process
would look there first. The loader has read the variable by now: this process keeps its libraries.
"""

import os

_kept = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if _kept is not None:
    os.environ["LD_LIBRARY_PATH"] = _kept
else:
    os.environ.pop("LD_LIBRARY_PATH", None)
