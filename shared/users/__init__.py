"""Who an Enreach user is in Dynamics: what calls, callbacks and tickets ask when they look for an agent.

matching   whose e-mail is whose, and which id stands for whom: pure
layout     how the map is stored: pure
queries    what Dataverse is asked about its users
users      reading: the map, and the users behind it
"""

from shared.users.matching import User, UserMap

__all__ = ["User", "UserMap"]
