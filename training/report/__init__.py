"""Tables and figures of one or several runs: ``python -m training.report RUN... --out DIR``.

DIR then holds ``index.html``, one page that needs no other file, and each table as CSV, LaTeX and
PNG, and each figure as PNG. What ``training.evaluate`` has not computed is said to be missing.
"""
