"""What a fresh simulator holds: the organisation whose other half the Dataverse simulator seeds. All is invented.

Ids are derived from a name, so that they are the same in every run: `item_id("user", "asa.lindqvist")`.
"""

from uuid import UUID, uuid5

from local.enreach.assumed import PERSONAL_WORK, SERVICE_QUEUE, Item, Kind

NAMESPACE = UUID("5eed0000-0000-4000-8000-0000000e2eac")
DOMAIN = "nordic-care.example"
# The API user of this development tool; nothing else takes these.
API_USER = f"switchboard@{DOMAIN}"
API_SECRET_KEY = "local-development-enreach-secret-key"  # noqa: S105
API_PASSWORD = "local-development-enreach-password"  # noqa: S105

# First name, last name, login before the @, the last digits of the work number, and those of a mobile number.
PEOPLE = (
    # The case of a login is nobody's promise.
    ("Åsa", "Lindqvist", "Asa.Lindqvist", "550017", "505550017"),
    ("Jürgen", "Weiß", "jurgen.weiss", "550023", None),
    ("Zoë", "van 't Hoff", "ZOE.VANTHOFF", "550031", None),
    ("Päivi", "Mäkelä", "paivi.makela", "550044", None),
    ("Siobhán", "O'Neill", "siobhan.oneill", "550058", None),
    ("Anna", "Virtanen", "anna.virtanen", "550062", None),
    ("Łukasz", "Wójcik", "lukasz.wojcik", "550071", None),
    ("Chidinma", "Okafor", "chidinma.okafor", "554101", "505554101"),
    # Nobody in Dynamics.
    ("Night", "Desk", "night.desk", "559999", None),
)
CALLBACK_LISTS = ("Missed calls", "VIP call-backs", "Winter campaign")
STATUS = {
    "OpenStatus": 5,
    "MaxWaitTime": 0,
    "QueueLength": 0,
    "OngoingCalls": 0,
    "AgentsOnWrapUp": 0,
    "FreeAgents": 4,
    "ServingAgents": 4,
}


def item_id(kind: str, name: str) -> str:
    """Returns the id of a seeded item."""
    return str(uuid5(NAMESPACE, f"{kind}:{name}"))


def seed_items() -> dict[Kind, list[Item]]:
    """Returns the seed by kind, in an order in which each finds what it refers to."""
    return {
        "users": [_api_user(), *(_user(*person) for person in PEOPLE)],
        "queues": [
            _queue("VIP support", SERVICE_QUEUE, ["+35840675644"], STATUS),
            _queue("Support", SERVICE_QUEUE, ["+358406750003"], STATUS),
            _queue("Night", SERVICE_QUEUE, ["+358406756499"], STATUS | {"OpenStatus": 1, "FreeAgents": 0}),
            _queue("Overflow", 7, [], None),
            _queue("Åsa Lindqvist", PERSONAL_WORK, ["+35898550017"], None),
        ],
        "callbacklists": [{"Id": item_id("list", name), "Name": name} for name in CALLBACK_LISTS],
    }


def _api_user() -> Item:
    names = {"UserName": API_USER, "FirstName": "Switchboard", "LastName": "API"}
    return {"Id": item_id("user", "switchboard"), **names, "SecretKey": API_SECRET_KEY, "Password": API_PASSWORD}


def _user(first: str, last: str, login: str, work: str, mobile: str | None) -> Item:
    return {
        "Id": item_id("user", login.lower()),
        "UserName": f"{login}@{DOMAIN}",
        "FirstName": first,
        "LastName": last,
        "WorkNumber": f"+35898{work}",
        "MobileNumber": mobile and f"+358{mobile}",
    }


def _queue(name: str, type_id: int, numbers: list[str], status: Item | None) -> Item:
    return {"Id": item_id("queue", name), "Name": name, "TypeId": type_id, "Numbers": numbers, "Status": status}
