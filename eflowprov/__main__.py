"""`python -m eflowprov`."""

from eflowprov.cli.main import main

if __name__ == "__main__":
    main()
