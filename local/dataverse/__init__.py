"""A strict, in-memory stand-in for the Dataverse Web API v9.2. A development tool, never deployed."""
