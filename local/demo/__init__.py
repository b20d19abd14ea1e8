"""`make demo`: the main job told in the terminal, with numbers read back from the simulated Dynamics."""
