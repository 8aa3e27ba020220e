import sys

from dance_demo.cli import main

sys.exit(main())
