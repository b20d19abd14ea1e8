"""What stops the host before it has started."""


class StartError(Exception):
    """The host cannot start; the text is one plain sentence for the person who started it."""
