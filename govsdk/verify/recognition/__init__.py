"""Is somebody gone from a face recogniser? Measured on its embeddings, attacked, and judged."""

from govsdk.verify.recognition.attacks import Budget, require_people
from govsdk.verify.recognition.examination import Examination, examine
from govsdk.verify.recognition.sight import Faces

__all__ = ["Budget", "Examination", "Faces", "examine", "require_people"]
