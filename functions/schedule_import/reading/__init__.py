"""From the bytes of a schedule file to segments of work in UTC. Pure: no I/O, no clock, no settings."""
