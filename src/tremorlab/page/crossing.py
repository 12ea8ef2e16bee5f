"""Where the class-mean spectra of simulated classes cross, and how attenuation, distance and source move that."""

from __future__ import annotations

import pandas as pd

from tremorlab.dataset import spectra
from tremorlab.dataset.class_spectra import ClassSpectra, class_spectra, crossings, window_spectra
from tremorlab.study import RunningSpectrum
from tremorlab.twin.direct import RATE_HZ, Stretch, windows
from tremorlab.twin.scenario import Scenario


def twin_spectra(
    scenario: Scenario,
    classes: tuple[str, ...],
    number: int,
    stretch: Stretch | None = None,
    *,
    normalise: str = "maximum",
    replicates: int = 500,
    seed: int,
) -> ClassSpectra:
    """Class-mean spectra of simulated windows, drawn without an archive.

    Parameters
    ----------
    scenario
        Setting, difficulty, stations and seed of the twin.
    classes, number
        Kinds of event (or "noise"), and windows of each; about 10 to 100 ms of computing a window.
    stretch
        Factors on quality factor, distance and corner frequency.
    normalise
        As in `tremorlab.dataset.class_spectra.window_spectra`.
    replicates, seed
        Bootstrap draws of events, and their seed.

    Errors are those of `tremorlab.twin.direct.windows` and `tremorlab.dataset.class_spectra.window_spectra`.
    """
    settings = RunningSpectrum()
    margin = spectra.margin_samples(settings)
    waveforms, table = windows(
        scenario, classes, number, stretch=stretch, samples=4096 + 2 * margin, onset_s=40.0 + margin / RATE_HZ
    )
    running = spectra.running_spectra(waveforms, settings, RATE_HZ, normalise=False)
    frequencies = spectra.frequencies_hz(settings, RATE_HZ)
    per_window = window_spectra(running, normalise)
    labels = table["event_class"].to_numpy(), table["event"].to_numpy()
    return class_spectra(per_window, frequencies, *labels, replicates=replicates, seed=seed)


def crossing_table(
    scenario: Scenario,
    classes: tuple[str, ...],
    number: int,
    stretches: dict[str, Stretch],
    *,
    above_hz: float = 1.0,
    seed: int,
    **given,
) -> pd.DataFrame:
    """Crossings of every two classes for several stretches of path and source.

    Parameters
    ----------
    stretches
        Name -> what to change.
    above_hz
        Crossings below this frequency are left out, where the high-pass leaves only noise.
    given
        Further arguments of `twin_spectra`, as are the others.

    Returns
    -------
    pandas.DataFrame
        Rows of `tremorlab.dataset.class_spectra.crossings` (first, second, frequency_hz, and low_hz to high_hz, where
        the order of the classes is not decided by the bootstrap), with the name of the ``stretch`` in front.
    """
    found = {}
    for name, stretch in stretches.items():
        table = crossings(twin_spectra(scenario, classes, number, stretch, seed=seed, **given))
        found[name] = table[table["frequency_hz"] > above_hz]
    return pd.concat(found, names=["stretch", ""]).droplevel(1).reset_index()
