"""Make probabilities mean what they say: temperature, and the frequencies of classes where a model is put to use.

Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks", ICML) divides the logarithms of the
probabilities by one number, fitted on validation windows; the most probable class stays the same.

A network trained with classes in equal shares takes them to be equally frequent. In a continuous record they are not:
Bayes' rule puts the frequencies right (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41), also
where they have to be estimated from the unlabelled windows themselves.
"""

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from tremorlab.errors import ModelError

#: Smallest probability whose logarithm is taken: single precision gives zeros.
_LEAST = 1e-7

#: Natural logarithms of the lowest and highest temperature tried.
_RANGE = (-3.0, 3.0)


def fit_temperature(probabilities: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Temperature with the lowest mean negative logarithm of the probability of the true class.

    Parameters
    ----------
    probabilities
        Shape (windows, classes), of windows that the model was not trained on.
    truth
        Class of each window.
    weights
        Weight of each window, for instance against the class counts.

    Returns
    -------
    float
        Above 1 the model was too sure of itself, below 1 not sure enough.

    Raises
    ------
    ModelError
        As `check`.
    """
    probabilities, truth = check(probabilities, truth)
    logarithms = np.log(np.maximum(probabilities, _LEAST))
    rows = np.arange(len(truth))

    def loss(log_temperature):
        each = -log_softmax(logarithms / np.exp(log_temperature), axis=1)[rows, truth]
        return np.average(each, weights=weights)

    return float(np.exp(minimize_scalar(loss, bounds=_RANGE, method="bounded", options={"xatol": 1e-6}).x))


def apply_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """Probabilities at another temperature.

    Raises
    ------
    ModelError
        The temperature is not positive.
    """
    if not temperature > 0:
        raise ModelError("temperature", f"is {temperature:g}", "Give a positive one; 1 changes nothing")
    return softmax(np.log(np.maximum(np.asarray(probabilities, float), _LEAST)) / temperature, axis=-1)


def calibrated(model: keras.Model, temperature: float) -> keras.Model:
    """Return a copy of a network whose last layer is divided by the temperature: it needs no further step."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    last = copy.get_layer("classes")
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return copy


def reliability(probabilities: ArrayLike, truth: ArrayLike, bins: int = 10, *, of: int | None = None) -> pd.DataFrame:
    """How often an answer is right, against its probability, in bins of equal counts.

    Parameters
    ----------
    probabilities
        Shape (windows, classes).
    truth
        Class of each window.
    bins
        Number of bins.
    of
        The answer is this class for every window; by default it is the most probable class. Where classes are not
        equally frequent only the former sees a wrong frequency: among the most probable classes, too much trust in a
        rare one hides behind too little in a frequent one.

    Returns
    -------
    pandas.DataFrame
        confidence (mean probability of the answer), accuracy, windows of each bin.

    Raises
    ------
    ModelError
        As `check`; there is no bin, or no such class.
    """
    probabilities, truth = check(probabilities, truth)
    if bins < 1:
        raise ModelError("reliability", f"bins = {bins}", "Give one or more")
    if of is not None and not 0 <= of < probabilities.shape[1]:
        raise ModelError(
            "reliability", f"class {of} of {probabilities.shape[1]}", f"Use 0 to {probabilities.shape[1] - 1}"
        )
    answer = probabilities.argmax(axis=1) if of is None else np.full(len(truth), of)
    confidence, right = probabilities[np.arange(len(truth)), answer], answer == truth
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    rows = [(confidence[part].mean(), right[part].mean(), len(part)) for part in parts]
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "windows"])


def calibration_error(probabilities: ArrayLike, truth: ArrayLike, bins: int = 10, *, of: int | None = None) -> float:
    """Mean distance between confidence and accuracy over the bins of `reliability` (expected calibration error)."""
    table = reliability(probabilities, truth, bins, of=of)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["windows"]))


def shift_prior(probabilities: ArrayLike, trained: ArrayLike, deployed: ArrayLike) -> np.ndarray:
    """Probabilities where classes have other frequencies than in training (Saerens et al. 2002).

    Parameters
    ----------
    probabilities
        Shape (windows, classes).
    trained
        Frequency of each class among the training windows as they were drawn: equal for balanced sampling.
    deployed
        Frequency of each class where the model is used.

    Raises
    ------
    ModelError
        Frequencies do not fit or do not add up to one, a class was not trained, or a window can only be of classes that
        do not occur.

    Examples
    --------
    >>> shift_prior([[0.5, 0.5]], trained=[0.5, 0.5], deployed=[0.9, 0.1])
    array([[0.9, 0.1]])
    """
    probabilities, trained, deployed = (np.asarray(array, float) for array in (probabilities, trained, deployed))
    for name, prior in (("trained", trained), ("deployed", deployed)):
        if prior.shape != probabilities.shape[-1:] or not np.isclose(prior.sum(), 1) or (prior < 0).any():
            raise ModelError(
                f"frequencies {name}", f"are {np.round(prior, 3).tolist()}", "Give one a class, adding up to 1"
            )
    if (trained == 0).any():
        raise ModelError("frequencies trained", "hold a zero", "A class that was not trained cannot be found")
    shifted = probabilities * (deployed / trained)
    for row in np.flatnonzero(~(shifted.sum(axis=-1) > 0))[:1]:
        raise ModelError(
            f"probabilities, window {row}",
            "is certain of a class of frequency zero",
            "Give every class that may occur a frequency above zero",
        )
    return shifted / shifted.sum(axis=-1, keepdims=True)


def estimate_prior(probabilities: ArrayLike, trained: ArrayLike, steps: int = 200) -> np.ndarray:
    """Frequencies of the classes among unlabelled windows: those of the greatest likelihood.

    Right only where the classes themselves look as they did in training, and the probabilities are calibrated.
    Expectation maximisation (Saerens et al. 2002) ends there too, but hardly ever arrives where a class is absent. The
    logarithm is concave, so that any ascent finds it: here, sequential quadratic programming (`scipy.optimize`).

    Parameters
    ----------
    probabilities
        Shape (windows, classes).
    trained
        Frequency of each class among the training windows as they were drawn.
    steps
        Most steps.

    Raises
    ------
    ModelError
        As `shift_prior`; there is no window; or the frequencies still move after so many steps.
    """
    probabilities = np.asarray(probabilities, float)
    if probabilities.ndim != 2 or not len(probabilities):
        raise ModelError("probabilities", f"shape {probabilities.shape}", "Give (windows, classes)")
    shift_prior(probabilities, trained, trained)  # names what does not fit
    likelihood = probabilities / np.asarray(trained, float)

    def surprise(prior):
        mixed = np.maximum(likelihood @ prior, 1e-300)
        return -np.log(mixed).mean(), -np.mean(likelihood / mixed[:, np.newaxis], axis=0)

    classes = likelihood.shape[1]
    found = minimize(
        surprise, np.full(classes, 1 / classes), jac=True, method="SLSQP", bounds=[(0, 1)] * classes,
        constraints={"type": "eq", "fun": lambda prior: prior.sum() - 1, "jac": np.ones_like},
        options={"maxiter": steps, "ftol": 1e-12},
    )  # fmt: skip
    if not found.success:
        raise ModelError("frequencies", f"still move after {steps} steps", "Give more windows or steps")
    prior = np.clip(found.x, 0, 1)
    return prior / prior.sum()


def check(probabilities: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays.

    Raises
    ------
    ModelError
        They do not fit together, a class is out of range, or rows do not add up to one.
    """
    probabilities, truth = np.asarray(probabilities, float), np.asarray(truth)
    if probabilities.ndim != 2 or len(probabilities) != len(truth) or not len(truth):
        raise ModelError(
            "probabilities", f"shape {probabilities.shape} for {len(truth)} windows", "Give (windows, classes)"
        )
    for row in np.flatnonzero((truth < 0) | (truth >= probabilities.shape[1]))[:1]:
        raise ModelError(
            f"truth, window {row}",
            f"class {truth[row]} of {probabilities.shape[1]}",
            f"Use 0 to {probabilities.shape[1] - 1}",
        )
    for row in np.flatnonzero(~np.isclose(probabilities.sum(axis=1), 1, atol=1e-3))[:1]:
        raise ModelError(
            f"probabilities, window {row}", f"add up to {probabilities[row].sum():.3g}", "Give softmax output"
        )
    return probabilities, truth
