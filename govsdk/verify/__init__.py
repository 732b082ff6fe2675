"""The judge: whether a staged model has forgotten a person, with error bars.

- It never imports the editor, and sees models only through what they draw.
- It needs numpy alone: recognisers and generators are handed in.

::

    verification.py         what the workflow calls: the baseline, and the verification
    inquiry.py              what the judge is asked
    folds.py                which photos the editor may see, and which the judge
    seeds.py                seeds that nobody could pick
    bench.py                which trials are run
    panel.py                whose, of the people who are to stay
    trials.py               one picture each, and what the recognisers say of it
    transcript.py           what was said, for somebody else to measure again
    thresholds.py           where a score starts to mean this person
    claims.py               from scores to the lines of a policy
    judge.py                from lines to a verdict
    screen.py               whether somebody forgotten earlier came back
    attacks/                attacks, on the person and on strangers
    probes/                 how far the forgetting reaches
    measures.py             measures of the literature and of side effects
    distances.py            how far apart two sets of pictures are
    reported.py             all that is reported beside a verdict
    lines.py                how such a line is written
    agreement.py            whether a repeated measurement says the same
    comparisons.py          exact tests of two groups of attack runs
    statistics.py           limits of measured scores
    statistics_clusters.py  trials that share a photo or a person
    statistics_samples.py   whether two samples come from one source
    recognition/            the judge of a recogniser that was taught to scatter a person
    weights.py              what an attack needs of a model's weights
    harness.py              the digest of all this
"""

from govsdk.verify.folds import split_photos
from govsdk.verify.inquiry import Inquiry
from govsdk.verify.trials import Memory, Model, Store
from govsdk.verify.verification import Baseline, baseline, verify

__all__ = ["Baseline", "Inquiry", "Memory", "Model", "Store", "baseline", "split_photos", "verify"]
