"""What stops the host before it has started."""


class StartError(Exception):
    """The host cannot start; the text is a plain sentence for the person who started it.

    `trace` says where it happened, when that is in the app.
    """

    def __init__(self, text: str, trace: str = "") -> None:
        super().__init__(text)
        self.trace = trace
