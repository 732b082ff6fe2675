"""The judge: whether a staged model has forgotten a person, with error bars.

- It never imports the editor, and sees models only through what they draw.
- It needs numpy alone: recognisers and generators are handed in.
"""

from govsdk.verify.folds import split_photos
from govsdk.verify.inquiry import Inquiry
from govsdk.verify.trials import Memory, Model, Store
from govsdk.verify.verification import Baseline, baseline, verify

__all__ = ["Baseline", "Inquiry", "Memory", "Model", "Store", "baseline", "split_photos", "verify"]
