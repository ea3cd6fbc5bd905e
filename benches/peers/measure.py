"""Runs a command and writes what it and all that it starts took: `CPU_SECONDS PEAK_MIB`.

Usage: measure.py OUTPUT_FILE COMMAND... What the command prints goes to OUTPUT_FILE; its exit code is passed on.
"""

import os
import subprocess
import sys
import time


def family(pid):
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                for child in children.read().split():
                    yield from family(int(child))
    except OSError:
        return


def resident_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            return sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    except OSError:
        return 0


def main():
    with open(sys.argv[1], "w") as output:
        pid = subprocess.Popen(sys.argv[2:], stdout=output, stderr=subprocess.STDOUT).pid
    ended, peak = 0, 0
    while not ended:
        peak = max(peak, sum(resident_kib(member) for member in family(pid)))
        time.sleep(0.25)
        # Of this child only: whatever started this script may have had children of its own in this process.
        ended, status, usage = os.wait4(pid, os.WNOHANG)
    print(f"{usage.ru_utime + usage.ru_stime:.3f} {peak / 1024:.0f}")
    return os.waitstatus_to_exitcode(status)


sys.exit(main())
