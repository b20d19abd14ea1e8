"""What a handler of the API gets, and how it writes what it answers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from local.enreach.accounts import Account
from local.enreach.assumed import Item, Kind, canonical_id
from local.enreach.environment import Environment
from local.enreach.messages import ApiError, Request, Response, json_response
from local.enreach.organisation import Organisation
from local.enreach.rendering import Style, encode, list_response


@dataclass(frozen=True)
class Call:
    """One request that was let in: what it names, who asks, and what it asks."""

    organisation: Organisation
    environment: Environment
    request: Request
    names: Mapping[str, str]  # the parts of the path that the route leaves open
    query: Mapping[str, str]
    account: Account | None

    @property
    def own_id(self) -> str:
        """The id of the user who asks. Raises ApiError (401) where nobody signed in."""
        if self.account is None:
            raise ApiError(401, "Credentials are missing.")
        return self.account.user_id

    @property
    def user_id(self) -> str:
        """The canonical id of the user whom the path names, `me` included. Raises ApiError (404)."""
        named = self.names["user"]
        user_id = canonical_id(self.own_id if named.lower() == "me" else named)
        if user_id not in self.organisation.users.by_id:
            raise ApiError(404, "There is no such user.")
        return user_id

    def listed(self, kind: Kind, items: Iterable[Item]) -> Response:
        """Returns a list of items."""
        return list_response(kind, map(encode, items), Style.of(self.environment, self.request))

    def single(self, kind: Kind, item: Item) -> Response:
        """Returns one item."""
        return json_response(Style.of(self.environment, self.request).applied(kind, item))


type Handler = Callable[[Call], Response]
