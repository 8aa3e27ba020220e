"""Makes a head's percentages believable: one temperature, fitted to photos that the head has not seen.

softmax(logits / temperature) keeps every answer and changes how sure it is (Guo et al. 2017, "On Calibration of Modern
Neural Networks").
"""

import numpy as np
from numpy.typing import ArrayLike

from dance_demo.model.head import softmax

TEMPERATURES = (0.05, 20.0)  # the lowest and the highest that is tried
PARTS = 5  # that the held-out photos are divided into, to calibrate each by the others


def fit_temperature(logits: np.ndarray, labels: ArrayLike, *, doubt: float = 0.0) -> float:
    """The temperature under which softmax(logits / temperature) fits the labels best (Guo et al. 2017).

    logits (n, k) must come from photos that the head was not fitted on. labels (n,) are class indices; each is taken
    to be wrong with the probability doubt, any class then being as likely.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)

    def loss(log_temperature: float) -> float:
        likelihoods = log_softmax(logits / np.exp(log_temperature), axis=1)
        own = likelihoods[np.arange(len(labels)), labels]
        return float(-(1 - doubt) * own.mean() - doubt * likelihoods.mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def calibrated(logits: np.ndarray, classes: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities (m, k), each photo's under a temperature that was fitted without it and its copies."""
    numbers, members = np.unique(groups, return_inverse=True)
    part = (np.random.default_rng(seed).permutation(len(numbers)) % PARTS)[members]
    probabilities = np.empty_like(logits)
    for number in np.unique(part):
        mine, others = part == number, part != number
        fitted_on = others if others.any() else mine
        probabilities[mine] = softmax(logits[mine], cautious_temperature(logits[fitted_on], classes[fitted_on]))
    return probabilities


def cautious_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Fitted as if one photo more were in doubt (Platt 1999), or a few photos, all right, would make it certain."""
    return fit_temperature(logits, classes, doubt=1 / (len(classes) + 2))
