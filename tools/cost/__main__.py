import sys

from tools.cost.report import main

if __name__ == "__main__":
    sys.exit(main())
