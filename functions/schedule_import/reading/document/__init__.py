"""JSON and XML documents."""
