"""What an import writes: pure functions over what the file says and what Dynamics holds."""
