"""What a person does about each thing that a file may be told."""

ADVICE = {
    "AMBIGUOUS_AGENT": "several people have this value; use an identity that is unique, such as the e-mail",
    "BAD_ROW": "open the file at this line and mend its separators or quotes",
    "BAD_TIME": 'mend the cell, or set how times are written: "times" in the site document',
    "BAD_TIME_ZONE": "write an IANA name (Europe/Helsinki), a Windows name, or a city that has a zone",
    "CANCELLED": "nothing; the source has cancelled it",
    "DAY_OFF": "nothing; it is a day off",
    "DELETED_IN_SOURCE": "nothing; the source has deleted it",
    "DISABLED_USER": "enable the user in Dynamics, or take the agent out of the plan",
    "DUPLICATE": "nothing; the earlier row is written",
    "END_BEFORE_START": "mend the row: its end must be later than its start",
    "MISSING_VALUE": 'fill the cell; if the column has another name at your site, set "columns" in the site document',
    "NOT_COMMITTED": "nothing, if it is a draft; publish it in the WFM system to import it",
    "NO_SHIFT": "nothing; the row says that it is no shift",
    "NO_TIME_ZONE": 'set "timeZone" in the site document (to try one out: --time-zone Europe/Helsinki)',
    "OPEN_SHIFT": "nothing; nobody has taken this shift yet",
    "OUTSIDE_SCOPE": "nothing, if the horizon is meant; else raise \"days\" of the scope in the site document",
    "SUPERSEDED": "nothing; the newer version of the row is written",
    "TOO_LONG": "check the dates of the row; routing would give work all that time",
    "UID_CONFLICT": "give the rows different ids or versions in the source; the first one is written",
    "UNKNOWN_ACTIVITY": 'say in "activities" of the site document whether routing may assign work during it',
    "UNKNOWN_TEMPLATE": 'add the shift code to "templates" of the site document; an empty list is a day off',
    "UNKNOWN_AGENT": "add the agent to config/agents.csv, or correct the value in the WFM system",
}  # fmt: skip

_ELSE = "look at the row; the reason says what is wrong"


def advice(code: str) -> str:
    """What to do about rows with this code."""
    return ADVICE.get(code, _ELSE)
