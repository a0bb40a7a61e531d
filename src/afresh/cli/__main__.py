"""`python -m afresh.cli`."""

from afresh.cli import main

main()
