"""Is somebody gone from a face recogniser? Measured on its embeddings, attacked, and judged."""

from govsdk.verify.recognition.attacks import Budget
from govsdk.verify.recognition.examination import Examination, examine
from govsdk.verify.recognition.sight import Faces

__all__ = ["Budget", "Examination", "Faces", "examine"]
