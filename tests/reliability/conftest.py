"""The examples of the tests beside this folder may be imported here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
