"""Structured log events of the workflow: stable names, no personal data.

- Events go to the standard logger ``govsdk`` as one JSON line each; import configures nothing.
- Names are ``govsdk.<thing>.<what happened>``; values are digests, counts, seconds, stages.
  ``docs/events.md`` lists them all.
- No id of a person, file name, photo, embedding or cosine is ever a value (canary test).
"""

from __future__ import annotations

import logging

import structlog

_logger = logging.getLogger("govsdk")
_logger.addHandler(logging.NullHandler())

log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    _logger,
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(sort_keys=True),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
