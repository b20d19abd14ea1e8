"""Keeps the number index fresh: what changed in Dataverse since the last tick, or all of it where that is unknown."""
