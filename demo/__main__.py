# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m demo``: see README.md."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """On the testbed, or on the cluster that KUBECONFIG leads to."""
    sys.path[:0] = [str(ROOT / "tests" / "testbed"), str(ROOT / ".collections")]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        if os.environ.get("KUBECONFIG"):
            from demo import on_your_cluster

            return on_your_cluster.main(os.environ["KUBECONFIG"])
        from byoc_testbed import TestbedError
        from demo import on_testbed

        try:
            return on_testbed.main()
        except TestbedError as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
    except ModuleNotFoundError as error:
        print(f"demo: {error}. Run `make setup` first.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
