"""Measurements of Zegel beside another server, on one machine and in one run.

`serve` starts a throw-away Zegel as the outside test suites expect it; `mailbench.py` measures any
server; `peers/dovecot.sh` is the peer; `run` puts them side by side and writes `results/`. `web`
does so with the web app in a browser, beside `peers/roundcube.sh`.
"""
