"""Each call of Enreach becomes one phone call in Dynamics, with the right people on it."""
