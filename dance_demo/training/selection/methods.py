"""The ways to choose features: their names, what they do in plain words, and what they ask of the photos."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dance_demo.training.selection import scores
from dance_demo.training.selection.scores import Score

RANDOM, FORWARD, BACKWARD, EXHAUSTIVE, RECURSIVE = "random", "forward", "backward", "exhaustive", "recursive"
FISHER, MUTUAL_INFO = "fisher", "mutual_info"
CONTROL, FILTER, WRAPPER, EMBEDDED = "control", "filter", "wrapper", "embedded"


@dataclass(frozen=True)
class Method:
    """One way to choose. `score` ranks each feature by itself; searches, which have none, judge subsets together."""

    title: str
    kind: str
    words: str  # what it does, for a class
    condition: str = ""  # what it asks of the features, and whether they fulfil it
    score: Score | None = None


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        RANDOM: Method("Random choice", CONTROL, "Any features, drawn five times: what every other way has to beat."),
        "information_gain": Method(
            "Information gain",
            FILTER,
            "How much less one has to guess about the class when one knows in which eighth of all photos this one is.",
            "Each feature by itself: two that say the same are both kept.",
            scores.information_gain,
        ),
        MUTUAL_INFO: Method(
            "Mutual information",
            FILTER,
            "The same without cutting into eighths, from the nearest photos. It takes a hundred times as long.",
            "Each feature by itself.",
            scores.mutual_information,
        ),
        "chi2": Method(
            "Chi-square",
            FILTER,
            "Whether a feature adds up to more in one class than chance would give it.",
            "It wants counts of independent things, five or more of each. These are strengths, not counts: "
            "the condition is not met. Of 364 photos of dances it chose about as well as the others all the same.",
            scores.chi2_statistic,
        ),
        FISHER: Method(
            "Fisher's score",
            FILTER,
            "How far the classes' means lie apart, measured by how much photos of one class differ (ANOVA's order).",
            "Each feature by itself, and only its mean.",
            scores.fisher,
        ),
        "correlation": Method(
            "Correlation",
            FILTER,
            "How closely a feature follows being of one class or not (Pearson's r).",
            "It sees straight lines only.",
            scores.correlation,
        ),
        "uncorrelated": Method(
            "Correlation, pairs dropped",
            FILTER,
            "The same, and of two features that correlate by more than 0.5 the weaker one goes to the end.",
            "What is dropped may still have known something of its own.",
            scores.uncorrelated,
        ),
        "variance": Method(
            "Variance threshold",
            FILTER,
            "The features that vary most, whatever the classes are. It needs no labels.",
            "Features must be of one unit; these are.",
            scores.variance,
        ),
        "mean_absolute_difference": Method(
            "Mean absolute difference",
            FILTER,
            "How far photos are from the feature's mean, in the mean. It needs no labels.",
            "Features must be of one unit; these are.",
            scores.mean_absolute_difference,
        ),
        "dispersion_ratio": Method(
            "Dispersion ratio",
            FILTER,
            "The arithmetic mean by the geometric mean: large where few photos have much of a feature.",
            "It prefers features that are almost never there: of 364 photos of dances it chose worse than chance.",
            scores.dispersion_ratio,
        ),
        "lasso": Method(
            "LASSO",
            EMBEDDED,
            "A head that pays for each feature it uses (L1), and so leaves most of them out.",
            "Of features that say the same it keeps one, more or less by chance.",
            scores.lasso,
        ),
        "forest": Method(
            "Random forest",
            EMBEDDED,
            "How much purer the branches of 300 decision trees become by a feature (Gini impurity).",
            "",
            scores.forest,
        ),
        FORWARD: Method(
            FORWARD.capitalize() + " selection",
            WRAPPER,
            "Begin with none; add the feature that helps a head most; again. From the 100 that Fisher's score likes.",
            "Each step is judged on few photos, so two folds may choose quite different features.",
        ),
        BACKWARD: Method(
            BACKWARD.capitalize() + " elimination",
            WRAPPER,
            "Begin with the 64 that Fisher's score likes; drop the one that is missed least; again.",
            "Each step is judged on few photos.",
        ),
        EXHAUSTIVE: Method(
            EXHAUSTIVE.capitalize() + " search",
            WRAPPER,
            "Try all subsets of the 12 that Fisher's score likes. With 13 there would be twice as many.",
            "",
        ),
        RECURSIVE: Method(
            RECURSIVE.capitalize() + " elimination",
            WRAPPER,
            "Fit a head, drop the twentieth part of least weight, fit again.",
            "",
        ),
    }
)
DEFAULT_METHODS = tuple(name for name in METHODS if name != MUTUAL_INFO)  # which takes half a minute
SLOW = ("lasso", "forest")  # two minutes and more for a thousand photos
MANY_PHOTOS = 1000


def affordable(photos: int) -> tuple[str, ...]:
    """The default methods in the order in which somebody waits for them, without the slow ones where there are many."""
    quick = tuple(name for name in DEFAULT_METHODS if name not in SLOW)
    return quick if photos > MANY_PHOTOS else quick + SLOW
