"""The command line of the engine; each subcommand is one file with ``add`` and ``run``."""
