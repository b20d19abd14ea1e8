"""What the name of a column says, in the languages that exports come in."""

import re
import unicodedata
from functools import cache
from typing import Literal

type Meaning = Literal[
    "start", "end", "date", "length", "activity", "zone", "team", "site", "status", "plan", "agent", "number", "email",
    "name", "login", "id", "shift", "break", "note", "other_person", "entra", "repeat", "day_number", "version",
]  # fmt: skip

_WORDS: dict[Meaning, str] = {
    "start": "start starts started begin begins beginn begintime from von ab anfang kommt alku alkaa alkuaika fra fran "
             "debut de inicio desde van starttime startzeit in od",
    "end": "end ends stop to until till bis ende gehen loppu loppuu paattyy loppuaika slut til tot fin a hasta einde "
           "finish endtime endzeit out do stopp",
    "date": "date day datum tag pvm paiva paivamaara dag dato fecha jour data",
    "length": "duration length minutes mins min hours hrs dauer kesto langd varighet duree duracion stunden tunnit std "
              "duur seconds sec",
    "activity": "activity activities exception exc event task job taetigkeit tatigkeit aktivitat aktivitaet toiminto "
                "tehtava aktivitet activite actividad activiteit absence abwesenheit abwesenheitsart absenz dienst "
                "shifttype schicht schichtart reason category worktype type typ art code segment",
    "zone": "timezone zone tz zeitzone aikavyohyke tidszon tijdzone fuseau",
    "team": "team group gruppe tiimi ryhma department abteilung queue queues unit osasto avdelning equipe equipo grupp",
    "site": "site location standort office branch toimipiste sijainti ort lieu sede plats locatie",
    "status": "status state tila published publish veroffentlicht released committed approved draft",
    "plan": "plan roster rota dienstplan",
    "agent": "agent employee user worker person staff personal mitarbeiter tyontekija henkilo anstalld medewerker "
             "employe empleado associate advisor resource colleague consultant ansatt pracownik zamestnanec",
    "number": "id ids no nr num number nummer numero code key kennung personalnummer personalnr mitarbeiternummer "
              "personnumber henkilonumero employeeid employeenumber externalid ref matricule numer",
    "email": "email mail upn sahkoposti epost courriel correo",
    "name": "name names vorname nachname nimi namn navn nom nombre naam fullname displayname imie nazwisko",
    "login": "login logon username userid account domain benutzer kayttaja anvandare domainname",
    "id": "id uid uuid guid identifier kennung tunniste",
    "shift": "shift sched schedule scheduled schicht dienst vuoro skift pass segment event row activity assignment "
             "entry booking absence task business workday",
    "break": "lunch break breaks pause pausen meal mealbreak tauko rast",
    "note": "comment comments note notes kommentar bemerkung huomautus description memo remark bemerkungen text "
            "created updated modified changed exported generated stamp printed lastmodified createdat updatedat "
            "paid pay cost",
    "other_person": "manager supervisor leader vorgesetzter esimies planner author creator createdby modifiedby owner "
                    "approver",
    "entra": "aad entra azure objectid oid",
    "repeat": "repeat weekdays recurrence",
    "day_number": "daynumber dayno",
    "version": "version revision sequence",
}  # fmt: skip
_MEANINGS: dict[Meaning, frozenset[str]] = {meaning: frozenset(words.split()) for meaning, words in _WORDS.items()}


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, in plain lower-case letters: "EventStart_Time (UTC)" -> event start time utc."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain)
    return tuple(re.findall(r"[a-z]+|\d+", plain.casefold()))


@cache
def says(name: str, meaning: Meaning) -> bool:
    """Whether the column's name has a word of this meaning. Of a path the last names count."""
    words = words_of(_end_of(name))
    known = _MEANINGS[meaning]
    if any(word in known for word in words) or "".join(words) in known:
        return True
    # Compounds: Mitarbeiternummer, Startdatum, Schichtbeginn. Short words would be found in anything.
    if any(len(part) >= 5 and part in word for word in words for part in known):
        return True
    return meaning == "date" and any(word.endswith("date") and word != "update" for word in words)


def _end_of(name: str) -> str:
    steps = [step.lstrip("@") for step in name.split("/") if step not in ("..", "*", "")]
    return " ".join(steps[-2:]) if "/" in name else name


@cache
def own_name_says(name: str, meaning: Meaning) -> bool:
    """As `says`, by the last name of a path alone."""
    return says(name.rstrip("/").rpartition("/")[2], meaning)
