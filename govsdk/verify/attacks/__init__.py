"""Attacks on a staged model: does what an attacker holds bring the person back?

- An attack is judged beside two others with the same budget and the same seeds: the same attack
  from the same region, aimed at strangers, and the same attack on the unedited model.
- The attacker holds the weights and may use recogniser A; success is judged on fresh pictures,
  under every recogniser.
- Nothing here needs torch: weights are reached through :class:`~govsdk.verify.weights.Weights`.
"""

from govsdk.verify.attacks.battery import attack

__all__ = ["attack"]
