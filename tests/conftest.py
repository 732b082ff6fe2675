"""What holds for every test."""

from hypothesis import settings

# A deadline is a timed assertion: it fails where a machine is busy, and says nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
