import sys

from dance_demo.cli.main import main

sys.exit(main())
