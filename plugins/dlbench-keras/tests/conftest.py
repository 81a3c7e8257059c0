"""Tests find keras_nets, wherever pytest was started; Keras runs on PyTorch in their own process."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
