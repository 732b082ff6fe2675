"""Probes: where else the person might still be drawn. Reported with the verdict, never part of it.

::

    probing.py     what all of them share: models, seeds, one line for each recogniser
    radius.py      how far from the centroid the edited model stays silent
    directions.py  the line through anchor and person; mixtures with other people
    samplers.py    other guidance, steps and schedulers
    photos.py      whether a sealed photo leaks in any of several pictures
    images.py      pictures begun from a sealed photo, and a stranger's

- Every number beside the edited model's has the unedited model's, or a stranger's: a probe that
  could not have found anybody shows nothing.
- Seeds follow from the note, as those of the claims do.

Source: methods.md, section 5.5; docs/formats/policy-v1.md, section 7.
"""

from govsdk.verify.probes.photos import photo_leak
from govsdk.verify.probes.probing import Probing
from govsdk.verify.probes.run import run_probes

__all__ = ["Probing", "photo_leak", "run_probes"]
