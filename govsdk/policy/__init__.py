"""What "forgotten" has to mean: a policy file becomes a frozen :class:`Policy` with a digest.

- A policy is data: it names bounds, numbers of trials and methods, and runs nothing.
- Equal policies have equal digests, whatever their comments, key order and number formats.
- A key the schema does not know is an error with its line, never ignored.
"""

from govsdk.policy.compare import Change, diff
from govsdk.policy.document import Policy, schema
from govsdk.policy.lint import Finding, lint, require

__all__ = ["Change", "Finding", "Policy", "diff", "lint", "require", "schema"]
