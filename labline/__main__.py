"""`python -m labline`: the command line."""

from labline.cli.main import main

main()
