"""The unlearning executor: redirects a person to an anchor by editing a few layers."""
