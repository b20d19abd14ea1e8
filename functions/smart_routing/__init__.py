"""Enreach asks which target a caller should reach; rules over what Dynamics knows of the caller answer."""
