"""What one row says, whatever the container it came in."""
