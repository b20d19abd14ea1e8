"""Discovery, keys, users, availability, queues and the directory (facts 1.2, 1.3, 5, 6)."""

from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid4, uuid5

from local.enreach.assumed import Item, canonical_id
from local.enreach.context import Call
from local.enreach.messages import ApiError, Response, json_response
from local.enreach.moments import iso_z
from local.enreach.organisation import ORGANISATION_ID

DIRECTORY = {"ID": str(uuid5(NAMESPACE_URL, "enreach.example/directory")), "Name": "Default"}
ENTRY_USERS, ENTRY_QUEUES = "1", "2"  # 2 is confirmed, 1 assumed
AVAILABLE = 1  # assumed; 3, Do Not Disturb, is the only one that is known


def discover(call: Call) -> Response:
    """Names the API host of a login e-mail; nobody knows an unknown one."""
    user = call.request.json().get("user") if call.request.method == "POST" else call.query.get("user")
    if not isinstance(user, str) or not user:
        raise ApiError(400, "The user is missing.")
    if not call.organisation.knows_login(user):
        return json_response([])
    env = call.environment
    base = env.api_endpoint or "/".join(filter(None, (call.request.origin, env.silo)))
    endpoint = base.rstrip("/") + ("/" if env.endpoint_slash else "")
    place = {
        "siloName": env.silo or "Silo01",
        "username": user,
        "apiEndpoint": endpoint,
        "uiEndpoint": f"{base.rstrip('/')}/ui/",
        "authority": None,
        "authorityIdPHint": None,
        "basicAuthEndpoint": endpoint,
    }
    return json_response([place])


def acquire_key(call: Call) -> Response:
    """Answers the API secret key for the login password."""
    body = call.request.json()
    user_name, password = body.get("UserName"), body.get("Password")
    if not isinstance(user_name, str) or not isinstance(password, str):
        raise ApiError(400, "UserName and Password are needed.")
    if user_name.lower() != call.names["email"].lower():
        raise ApiError(401, "The user name or the password is wrong.")
    account = call.organisation.accounts.acquired(user_name, password)
    return json_response({"SecretKey": account.secret_key, "UserID": account.user_id})


def users(call: Call) -> Response:
    """Lists the users."""
    return call.listed("users", call.organisation.users.items)


def user(call: Call) -> Response:
    """Answers one user, or the caller's own."""
    return call.single("users", call.organisation.users.by_id[call.user_id])


def own_user(call: Call) -> Response:
    """Answers the caller, who need not stand in the list of users."""
    item = call.organisation.users.by_id.get(canonical_id(call.own_id))
    if item is None and call.account is not None:
        item = {"Id": call.own_id, "UserName": call.account.user_name, "OrganizationID": ORGANISATION_ID}
    return call.single("users", item or {})


def current_availability(call: Call) -> Response:
    """Answers what was set last and still holds. All fields but `EventTypeID` and `Note` are assumed."""
    events = call.organisation.availabilities.get(call.user_id)
    return json_response(events[-1] if events else {"Id": None, "UserID": call.user_id, "EventTypeID": AVAILABLE})


def set_availability(call: Call) -> Response:
    """Adds an availability event."""
    body, user_id = call.request.json(), call.user_id
    if not isinstance(body.get("EventTypeID"), int):
        raise ApiError(400, "EventTypeID is needed.")
    if canonical_id(body.get("UserID", user_id)) != user_id:
        raise ApiError(400, "UserID is another user than that of the path.")
    event = {
        "Id": str(uuid4()),
        "UserID": user_id,
        "EventTypeID": body["EventTypeID"],
        "EventSource": body.get("EventSource"),
        "Note": body.get("Note"),
        "StartTime": iso_z(call.organisation.clock.now()),
    }
    call.organisation.availabilities.setdefault(user_id, []).append(event)
    return json_response(event)


def end_availability(call: Call) -> Response:
    """Takes an availability event away."""
    events = call.organisation.availabilities.get(call.user_id, [])
    left = [event for event in events if event["Id"] != canonical_id(call.names["id"])]
    if len(left) == len(events):
        raise ApiError(404, "There is no such availability.")
    call.organisation.availabilities[call.user_id] = left
    return Response(204, headers={})


def queues(call: Call) -> Response:
    """Lists the queues, or those that a user serves; a queue without named users is served by all."""
    items, members = call.organisation.queues.items, call.organisation.members
    if "OnlyForUser" in call.query:
        user_id = canonical_id(call.query["OnlyForUser"])
        items = [item for item in items if user_id in members.get(canonical_id(item["Id"]), {user_id})]
    return call.listed("queues", items)


def directories(call: Call) -> Response:
    """Lists the one directory."""
    return json_response([DIRECTORY])


def directory(call: Call) -> Response:
    """Answers the entries of the directory: users and queues, by type and number where asked."""
    if canonical_id(call.names["id"]) != DIRECTORY["ID"]:
        raise ApiError(404, "There is no such directory.")
    limit = call.query.get("MaxCount", "1000")
    if not limit.isdecimal():
        raise ApiError(400, "MaxCount is a number.")
    entries = list(_entries(call))
    if "Number" in call.query:
        # A plus that was not encoded arrives as a space.
        wanted = call.query["Number"].strip(" +")
        fields = ("WorkNumber", "MobileNumber", "OtherNumber")
        entries = [e for e in entries if wanted in {(e[name] or "").strip("+") for name in fields}]
    return json_response({"Entries": entries[: int(limit)]})


def _entries(call: Call) -> Iterator[Item]:
    types = call.query.get("EntryTypes", f"{ENTRY_USERS},{ENTRY_QUEUES}").split(",")
    if ENTRY_USERS in types:
        for item in call.organisation.users.items:
            names = {name: item.get(name) for name in ("Id", "FirstName", "LastName", "WorkNumber", "MobileNumber")}
            yield {**_blank_entry(), **names, "Email": item["UserName"]}
    if ENTRY_QUEUES in types:
        for item in call.organisation.queues.items:
            number = (item["Numbers"] or [None])[0]
            yield {
                **_blank_entry(),
                "Id": item["Id"],
                "LastName": item["Name"],
                "WorkNumber": number,
                "QueueId": item["Id"],
            }


def _blank_entry() -> Item:
    names = "Id FirstName LastName Email WorkNumber MobileNumber OtherNumber Description Company Subcompany Location"
    return dict.fromkeys([*names.split(), "Department", "QueueId"])
