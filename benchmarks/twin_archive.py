"""What a twin costs: 30 station-days with 1,500 events, and the memory of 3 days against 12 days.

    python benchmarks/twin_archive.py [--quick] [--folder FOLDER]

Three stations, ten days, 100 Hz, rates set so that 1,500 events are expected in the setting's own proportions, written
by two processes: wall time, CPU time of both, and size on disk. The bar is three minutes of wall time. CPU time tells
what the machine would do if it did nothing else; half of it is the wall time to expect of two free cores.

Memory: the largest resident set of a child process that writes one station for three days, and of one that writes it
for twelve days with as many events a day. (The peak of a single day depends on what happens on it, so one day is too
few to compare with.) The bar is a ratio of 1.1. The exit status is 1 when a bar is missed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tremorlab.twin.archive import simulate
from tremorlab.twin.events import draw_events
from tremorlab.twin.scenario import ACTIVITY, Scenario, configure

EVENTS, STATION_DAYS = 1500, 30
SETTINGS = ("nankai", "sakurajima")
WALL_BAR_S, MEMORY_BAR = 180.0, 1.1
SEED = 11

CHILD = """
import resource, sys
from tremorlab.twin.archive import simulate
from tremorlab.twin.scenario import Scenario
simulate(Scenario.model_validate_json(sys.argv[1]), sys.argv[2], workers=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def scenario(setting: str, days: int, stations: int, rate_hz: float) -> Scenario:
    """A twin whose rates are those of the setting times a factor that gives 150 events a day."""
    plain = configure(setting=setting, days=10, stations=stations, rate_hz=rate_hz, seed=SEED)
    factor = EVENTS / len(draw_events(plain))
    rates = {kind: plain.per_day(kind) * factor for kind in ACTIVITY[setting]}
    return plain.model_copy(update={"days": days, "rates": rates})


def cpu_s() -> float:
    """Seconds of processor time of this process and of the children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def cost(setting: str, folder: Path, days: int, rate_hz: float) -> bool:
    """One line of the first table, and whether the bar is met."""
    twin = scenario(setting, days, 3, rate_hz)
    wall, cpu = time.perf_counter(), cpu_s()
    simulate(twin, folder / setting, workers=2)
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    size = sum(path.stat().st_size for path in (folder / setting).rglob("*") if path.is_file()) / 1e6
    events = len(draw_events(twin))
    print(
        f"{setting:<12}{3 * days:>13}{events:>8}{wall:>9.0f}{cpu:>8.0f}{cpu / 3 / days:>15.1f}{size:>9.0f}", flush=True
    )
    return wall * STATION_DAYS / (3 * days) <= WALL_BAR_S


def peak_mb(setting: str, folder: Path, days: int, rate_hz: float) -> float:
    """Largest resident set of a process that writes one station."""
    text, out = scenario(setting, days, 1, rate_hz).model_dump_json(), folder / f"{setting}_{days}"
    child = subprocess.run([sys.executable, "-c", CHILD, text, out], stdout=subprocess.PIPE, text=True, check=True)
    return float(child.stdout)


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 day instead of 10 at 25 Hz, and 2 against 4 days")
    parser.add_argument("--folder", help="where the twins are written for a while (up to 2 GB)")
    given = parser.parse_args()
    days, short, long, rate_hz = (1, 2, 4, 25.0) if given.quick else (10, 3, 12, 100.0)
    met = []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(f"{'':<12}{'station-days':>13}{'events':>8}{'wall, s':>9}{'CPU, s':>8}{'CPU s a day':>15}{'MB':>9}")
        met += [cost(setting, Path(folder), days, rate_hz) for setting in SETTINGS]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(f"{'peak memory':<12}{f'{short} days, MB':>13}{f'{long} days, MB':>17}{'ratio':>8}")
        for setting in SETTINGS:
            few, many = (peak_mb(setting, Path(folder), length, rate_hz) for length in (short, long))
            met.append(many <= MEMORY_BAR * few)
            print(f"{setting:<12}{few:>13.0f}{many:>17.0f}{many / few:>8.2f}", flush=True)
    print(f"bars of {WALL_BAR_S:g} s and {MEMORY_BAR:g}: {'met' if all(met) else 'MISSED'}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
