"""Keeps it known who an Enreach user is in Dynamics: each minute what changed, hourly and on demand everything."""
