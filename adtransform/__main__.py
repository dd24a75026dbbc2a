"""`python -m adtransform`: the command line."""

import sys

from adtransform.cli import main

if __name__ == "__main__":
    sys.exit(main())
