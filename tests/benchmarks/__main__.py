"""All benchmarks: `make bench`."""

import sys

from tests.benchmarks import blocks, capture, flood, live, logs, screen, triage

BENCHMARKS = (
    ("Capture file", capture.main),
    ("Live capture", live.main),
    ("Mail log", logs.main),
    ("Screen", screen.main),
    ("Blocks", blocks.main),
    ("Rules", triage.main),
    ("Memory under a flood", flood.main),
)

failed = 0
for title, main in BENCHMARKS:
    print(f"\n== {title}", flush=True)
    failed |= main()
sys.exit(failed)
