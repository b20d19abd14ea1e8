"""A WFM system drops a schedule file; its shifts become bookings of Dynamics agents."""
