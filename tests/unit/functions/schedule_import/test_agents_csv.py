"""`config/agents.csv`: vendors' own ids, whatever the spreadsheet that saved them."""

import pytest

from functions.schedule_import.reading.agents_csv import MAX_AGENTS, read_agents

TABLE = "email,talkdeskId,Payroll No\nÅsa@X.example,65B0,00023\nben@x.example,,00024\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TABLE.encode(), id="comma, UTF-8"),
        pytest.param(TABLE.replace(",", ";").encode("utf-8-sig"), id="semicolon, UTF-8 with a mark"),
        pytest.param(TABLE.replace(",", ";").replace("\n", "\r\n").encode("cp1252"), id="semicolon, cp1252, CRLF"),
        pytest.param(TABLE.replace("\n", ",,\n").encode(), id="empty columns at the end, as spreadsheets leave them"),
        pytest.param((TABLE + "\n,,\n \n").encode(), id="empty rows"),
        pytest.param(TABLE.replace("email,", " Email , ").encode(), id="blanks and capitals in the header"),
        pytest.param(b"sep=;\n" + TABLE.replace(",", ";").encode(), id="a spreadsheet's hint at the delimiter"),
        pytest.param(TABLE.replace("65B0", '"65B0"').encode(), id="quotes"),
        pytest.param(TABLE.strip().encode(), id="no line end at the end"),
    ],
)
def test_what_spreadsheets_save(data: bytes) -> None:
    directory = read_agents(data)
    assert directory.schemes == {"talkdeskId", "Payroll No"}
    assert directory.emails_of(("talkdeskId", "65b0")) == ("åsa@x.example",)
    assert directory.emails_of(("Payroll No", "00023")) == ("åsa@x.example",)
    assert directory.emails_of(("Payroll No", "23")) == ()
    assert directory.emails_of(("talkdeskId", "")) == ()


def test_a_value_that_stands_for_two_people_names_both_once_each() -> None:
    directory = read_agents(b"email,id\na@x.example,1\nb@x.example,1\nA@x.example,1\n")
    assert directory.emails_of(("id", "1")) == ("a@x.example", "b@x.example")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", "line 1: there is no column email", id="nothing"),
        pytest.param(b"mail,id\na@x.example,1\n", "line 1: there is no column email", id="no e-mail column"),
        pytest.param(b"email,id,ID\na@x.example,1,2\n", "line 1", id="a column twice"),
        pytest.param(b"email,id\na@x.example,1\n,2\n", "line 3: the e-mail is missing", id="no e-mail"),
        pytest.param(b"email,id\na@x.example\n", "line 2: it has 1 fields", id="too few fields"),
        pytest.param(b"email,id\na@x.example,1,2\n", "line 2: it has 3 fields", id="too many fields"),
        pytest.param(b'email,id\n"a@x.example,1\n', "it is not a table", id="a quote without an end"),
        pytest.param(b'email,"a\nb"\na@x.example,"x\ny"\nb@x.example\n', "line 5", id="lines, not rows, are counted"),
    ],
)
def test_what_is_no_directory(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        read_agents(data)
    assert "x.example" not in str(refused.value), "no address in the text of an error"


@pytest.mark.parametrize(("agents", "fits"), [(MAX_AGENTS, True), (MAX_AGENTS + 1, False)])
def test_the_number_of_agents_is_limited(agents: int, fits: bool) -> None:
    data = b"email,id\n" + b"".join(b"a@x.example,%d\n" % number for number in range(agents))
    if fits:
        assert len(read_agents(data).emails) == agents
    else:
        with pytest.raises(ValueError, match="more than"):
            read_agents(data)
