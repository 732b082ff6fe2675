"""The reference world: invented people, two recognisers, a generator; a miniature, and it says so.

- ``traits`` and ``renderer`` draw people from seeds with NumPy alone; ``people`` says who serves
  for what; ``world`` names the shipped files.
- ``train`` makes the shipped files, ``evaluate`` recomputes every figure of their model card.
- Nothing here is imported by the governing parts: only the command line and the tests use it, and
  importing this package loads nothing.
"""
