"""Whether a sealed photo leaks: in any of its first k pictures, not in one picture on average.

- The unit is the photo, so the bound is that of as many trials as there are photos: few photos give
  a wide one, however many pictures are drawn.
- The pictures are those of the forget claim; none is drawn here.

Source: methods.md, section 7.3.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from govsdk.ports import Templates
from govsdk.records import Reported
from govsdk.verify.lines import Side, rate_line
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores


def photo_leak(
    scores: Scores, photos: int, seeds: int, subject: Templates, thresholds: Thresholds, side: Side
) -> Iterator[Reported]:
    """Yield the share of photos that leak in any of their first ``seeds`` pictures.

    Args:
        scores: Of pictures drawn from the sealed photos in turn.
        photos: How many sealed photos there are.
        seeds: Pictures looked at for each; fewer where fewer were drawn.
    """
    each = min(seeds, len(scores) // photos)
    for name, threshold in thresholds.forget.items():
        line = Reported(
            name="photo-leak",
            part=f"any of {each} seeds",
            model=side,
            of="subject",
            recogniser=name,
            metric="leaking-photos",
        )
        hits = scores.matches(name, subject.centroid(name), threshold)[: each * photos]
        leaks = hits.reshape(each, photos).any(axis=0)
        yield rate_line(line, int(np.sum(leaks)), photos if each else 0)
