"""The command line: ``python -m sklearn_dl``."""

import sys

from sklearn_dl._cli import main

if __name__ == "__main__":
    sys.exit(main())
