"""The claims by their subjects: released weights, protocols, rates, training, colour, networks."""
