"""The one workflow: a forget request from its receipt to its certificate."""
