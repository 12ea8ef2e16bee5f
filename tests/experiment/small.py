"""A twin of one station and day, small enough to be made and learned from in seconds."""

from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.training import Training
from tremorlab.experiment.trained import Experiment
from tremorlab.experiment.twin_windows import TwinWindows
from tremorlab.twin.scenario import configure

RATES = {"vt": 150.0, "eruption": 100.0, "long_period": 0.0, "volcanic_tremor": 0.0, "earthquake": 0.0}
SCENARIO = configure(
    setting="sakurajima", days=1, stations=1, rate_hz=25, rates=RATES, difficulty="low", faults=0.0, seed=3
)
WINDOWS = TwinWindows(scenario=SCENARIO)
NETWORK = WaveformNetwork(channels=(4, 4, 4, 4), hidden=8, over_time="pooled")


def ask(name="small", classifier=NETWORK, epochs=3, **more):
    """An experiment on it."""
    training = Training(epochs=epochs, learning_rate=3e-3)
    return Experiment(name=name, windows=WINDOWS, classifier=classifier, training=training, **more)
