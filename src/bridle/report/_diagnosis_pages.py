"""The pages of the numbered diagnoses: what was seen, why it matters, what to do."""

import re
from dataclasses import dataclass

from bridle._errors import InputError

CODE = re.compile(r"BR\d{1,4}", re.IGNORECASE)
"""The code of a diagnosis, as users type it."""


@dataclass(frozen=True)
class Diagnosis:
    """Page of one diagnosis."""

    code: str
    title: str
    pattern: str
    """What was seen."""
    reason: str
    """Why it matters."""
    action: str
    """What to do."""


DIAGNOSES = (
    Diagnosis(
        "BR001",
        "The penalty is so strong that the network collapses",
        "From some strength on, the network predicts nearly the same for every row: the spread of its predictions is "
        "below 1 % of the spread without a penalty.",
        "Such a network has learned nothing about the rows. Its score is that of a constant, and strengths in this "
        "region cannot show whether the penalty helps.",
        "Try weaker strengths, a tenth or a hundredth of the smallest one that collapses. With `auto` the range is "
        "found by a pilot and ends where the network collapses, so nothing is to be done there.",
    ),
    Diagnosis(
        "BR002",
        "The network learns nothing, even without a penalty",
        "Without a penalty the network predicts the same for every row.",
        "A penalty makes a network simpler. It cannot help one that is already as simple as a constant. All "
        "comparisons of this study compare constants.",
        "Scale the inputs, train for more epochs, and try a learning rate ten times larger and ten times smaller. "
        "Check that the loss fits the last layer. Dead units can be a cause: try another activation or "
        "initializer.",
    ),
    Diagnosis(
        "BR003",
        "Predicting the largest class does as well",
        "One class has more than 80 % of the rows, and the accuracy of the network is no better than predicting that "
        "class for every row.",
        "With such classes accuracy hardly depends on the smaller ones. A network can be useful, or useless, and have "
        "the same accuracy.",
        "Choose a score that the smaller classes change: `score=\"loss\"`, `\"auc\"` for two classes, or "
        "`\"brier\"`. Or weigh the classes with `class_weight=\"balanced\"`.",
    ),
    Diagnosis(
        "BR004",
        "The network is no better than a constant",
        "On rows that it did not train on, the network without a penalty is no better than the best constant "
        "prediction.",
        "Either it has not learned yet, or what it learns on its training rows does not hold on others. In both cases "
        "a difference between penalties is small next to what is missing.",
        "If it is no better on its training rows either, train longer or with another learning rate. If it is better "
        "there, the columns may not tell much about the target: collect more rows or other columns, or try a smaller "
        "network. Compare with a linear model.",
    ),
    Diagnosis(
        "BR005",
        "The target is not scaled",
        "The mean or the standard deviation of the target is far from 1, and the network is no better than a constant, "
        "on its training rows too.",
        "Initial weights and learning rates suit targets around 0 with a spread around 1. With others, training "
        "spends its epochs on reaching the right size.",
        "Scale the target inside the folds: `target_preprocessor=StandardScaler()` in `Study.run`. Scores and "
        "predictions stay in the units of the target. `bridle tune` does this by itself.",
    ),
    Diagnosis(
        "BR006",
        "The penalty dominates the training",
        "In the last epoch the penalty is more than half of the loss that training minimizes.",
        "The optimizer then works for the penalty first and for the data second. Such strengths often lead to a "
        "collapse, and small changes of the strength matter less than they should.",
        "Try weaker strengths, below the smallest one where this was seen, if the study has none. If the best strength "
        "is among these, look at the curves of the report before you trust it.",
    ),
    Diagnosis(
        "BR007",
        "The best strength lies on the edge of the range",
        "The best of the strengths that were tried is the weakest or the strongest of them.",
        "The real best may lie outside of the range, so the gain may be larger than the one reported.",
        "Extend the range on that side by two or three powers of ten, for example "
        "`bridle.grid(1e-5, 1e-1)`. Or write `\"auto\"`, which finds the range by a pilot.",
    ),
    Diagnosis(
        "BR008",
        "The strengths are too weak to matter",
        "Every strength of the penalty gives the same score as no penalty, and nearly the same loss.",
        "The study says nothing about this penalty: it was practically off.",
        "Try strengths a hundred times larger, or `\"auto\"`. Check the meaning of the strength: `bridle convert` "
        "translates numbers of other software.",
    ),
    Diagnosis(
        "BR009",
        "The score is too coarse to show a difference",
        "The penalty changes the network and its loss, but the score is the same at every strength.",
        "An accuracy over few rows has few possible values. Different networks can then get the same rows right.",
        "Choose a finer score, such as `score=\"loss\"`, or collect more rows.",
    ),
    Diagnosis(
        "BR010",
        "The network overfits",
        "Without a penalty the validation loss has a minimum in the middle of the training and rises after it by more "
        "than 10 %.",
        "From that epoch on the network learns what holds for its training rows only. This is what regularization is "
        "for; stopping earlier is the simplest kind of it.",
        "Compare the penalties with early stopping, as an arm: `\"early stopping\": {\"training\": "
        "bridle.EarlyStopping()}`. Fewer epochs, a smaller network and more rows reduce it too.",
    ),
    Diagnosis(
        "BR011",
        "The training has not converged",
        "Over the last tenth of the epochs the loss still falls by more than 5 %.",
        "With more epochs the scores can change, and not all penalties change alike: what slows the training down "
        "looks worse than it is.",
        "Train for more epochs, for example twice as many, until the answer stays the same. A larger learning rate "
        "can do the same in less time.",
    ),
    Diagnosis(
        "BR012",
        "Too few rows to tell",
        "The penalty scores better, but the interval of the difference contains zero. The width of an interval falls "
        "with the square root of the number of rows, which gives the number that would do.",
        "With these rows the difference may be chance. More epochs and more seeds hardly change that: the rows are "
        "what is missing.",
        "Collect about as many rows as the sentence says, or accept that the difference is too small to matter here. "
        "A finer score, such as `score=\"loss\"`, can need fewer rows.",
    ),
    Diagnosis(
        "BR013",
        "Units are dead",
        "With the penalty, more units than without it give zero for every row.",
        "Dead units add nothing to a prediction. That is wanted where a network is to be sparse or small, and a loss "
        "where it is to be good.",
        "To make the network smaller, remove these units and train again. To keep them alive, use a weaker strength, "
        "or penalize weights instead of activations.",
    ),
    Diagnosis(
        "BR014",
        "Fits diverged",
        "In some fits the loss became infinite or not a number.",
        "Means are over the fits that finished. A penalty with a diverged fit is selected only if there is no other, "
        "so that the comparison is between fewer candidates than planned.",
        "Lower the learning rate, scale the inputs, or clip gradients (`clipnorm` of the optimizer). Very large "
        "strengths can be the cause: leave them out.",
    ),
    Diagnosis(
        "BR015",
        "One validation set cannot tell about other rows",
        "The study validates on one set of rows. Its interval is over repeated trainings: other initial weights and "
        "another order of the rows.",
        "Which rows happen to be in the validation set often changes a score by more than a penalty does. The "
        "interval does not know about that.",
        "Use folds: `Study(folds=5)` without `validation=`. If the validation rows must stay as they are, because they "
        "are later or from elsewhere, take the difference as one about these rows.",
    ),
    Diagnosis(
        "BR016",
        "No interval",
        "There are too few differences for an interval, all of them are equal, or they differ so widely that an "
        "interval would hold everything.",
        "Without an interval nothing says whether the difference is more than chance.",
        "Use at least three folds, better five or ten. Where all differences are equal, choose a finer score, such as "
        "`score=\"loss\"`.",
    ),
    Diagnosis(
        "BR017",
        "The run is not complete",
        "The run was stopped before all of its fits had finished.",
        "Scores and intervals are those of the fits that finished. The missing ones can change the answer.",
        "Run the same command or the same lines again, or `bridle resume FOLDER`: only the missing fits are trained.",
    ),
    Diagnosis(
        "BR018",
        "The best score is optimistic",
        "The score that selected a strength is better than the score of the selection on rows that took no part in it.",
        "The best of several scores is partly the luckiest. The larger the number of strengths and the fewer the rows, "
        "the more.",
        "Quote the score of the verdict, which is that of rows without a part in the selection. With one validation "
        "set there is none: use folds, or the scores on the rows held out.",
    ),
    Diagnosis(
        "BR019",
        "A model without a network is clearly better",
        "On the same folds a constant, a linear model or gradient boosting has a better score than the selected "
        "network, and the interval of the difference excludes zero.",
        "On tables with few rows simple models and trees are often better than networks. A penalty cannot close a gap "
        "that the kind of model makes.",
        "Use that model: `result.baselines()` names it, and scikit-learn has it. Or change the network first (its "
        "size, its learning rate, its epochs), and look at the penalties again when it is as good.",
    ),
    Diagnosis(
        "BR020",
        "Most of the lower loss is lower confidence",
        "The log loss is lower with the penalty. Without a penalty, dividing the logits by one number, the "
        "temperature, gives at least 70 % of that, and little is left where both have one. Each fold uses the "
        "temperature that the predictions for the other folds give.",
        "Networks that train for long become too confident: their probabilities are nearer to 0 and 1 than they are "
        "often right. A penalty keeps weights and so logits small, which lowers the log loss without a better network. "
        "A temperature does the same after training, and changes no predicted class.",
        "If probabilities matter, `result.model(\"none\", temperature=True)` has the temperature in its last layer. If "
        "classes matter, look at the accuracy instead: a temperature does not change it, and a penalty may.",
    ),
    Diagnosis(
        "BR021",
        "The network is at the interpolation peak",
        "Without a penalty the network fits its training rows almost exactly (its loss there is below 5 % of that of "
        "the best constant), has about as many weights as there are training rows (a fifth to five times as many), "
        "and is worse than a constant on other rows.",
        "With about as many weights as rows there is hardly more than one network that fits every row, noise "
        "included, and it swings far between them. A smaller network cannot, and a much larger one has smoother "
        "fits to end at.",
        "Penalties on weights lower the peak: try stronger ones, such as L2 on all kernels. Stopping earlier, "
        "more rows, or a network that is a tenth or ten times as large avoid it too.",
    ),
    Diagnosis(
        "BR022",
        "The held-out rows contradict the gain",
        "On the rows that were held out, the difference to no penalty is lower than the gain over the folds by more "
        "than chance explains: by more than 1.96 standard errors, of the gain and of so many held-out rows together.",
        "A gain should hold on rows of the same kind. Where it does not, the held-out rows are of another kind (later, "
        "from elsewhere, measured in another way), or one of the two numbers is unlucky: this is seen by chance in "
        "about one study of twenty, and in up to one of eight that claim a gain.",
        "Expect a gain between the two numbers. If the rows were not held out at random, compare the columns of both "
        "parts. If new rows come later or from other groups, let the folds be like that too: `time=` and `group=` of "
        "`bridle.tune`, or `groups=` of `Study.run`.",
    ),
)  # fmt: skip
"""Every diagnosis in the order of its code. Codes are never used again for something else."""


def find_diagnosis(code: str) -> Diagnosis:
    """Return the diagnosis of a code, in any case of its letters.

    Errors: `InputError` for an unknown code.

    >>> find_diagnosis("br007").title
    'The best strength lies on the edge of the range'
    """
    for diagnosis in DIAGNOSES:
        if diagnosis.code == code.strip().upper():
            return diagnosis
    codes = f"{DIAGNOSES[0].code} to {DIAGNOSES[-1].code}"
    raise InputError(f"Expected the code of a diagnosis, {codes}, got {code!r:.80}. `bridle explain` lists them.")


def page_text(diagnosis: Diagnosis) -> str:
    """Return the page of a diagnosis as plain text, one paragraph on each line."""
    return (
        f"{diagnosis.code}: {diagnosis.title}\n\n"
        f"What was seen: {diagnosis.pattern}\n\nWhy it matters: {diagnosis.reason}\n\nWhat to do: {diagnosis.action}"
    )


def list_text() -> str:
    """Return the code and the title of every diagnosis, one on each line."""
    return "\n".join(f"{diagnosis.code}  {diagnosis.title}" for diagnosis in DIAGNOSES)
