"""What the simulators have in common: it knows nothing of either of them."""
