"""What "forgotten" has to mean: a policy file becomes a frozen :class:`Policy` with a digest.

- A policy is data: it names bounds, numbers of trials and methods, and runs nothing.
- Equal policies have equal digests, whatever their comments, key order and number formats.
- A key the schema does not know is an error, never ignored; every error names file and line.
"""

from govsdk.policy.compare import Change, diff
from govsdk.policy.document import Policy, schema
from govsdk.policy.lint import Finding, lint, require
from govsdk.policy.read import faults_of

__all__ = ["Change", "Finding", "Policy", "diff", "faults_of", "lint", "require", "schema"]
