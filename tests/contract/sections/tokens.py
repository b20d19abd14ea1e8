"""OAuth client credentials, and the bearer token (facts: section 10)."""

from urllib.parse import urlencode

from tests.contract.cases import PRESENT, Call, Case, get, text
from tests.contract.seeded import CALLER
from tests.contract.sources import S1, S13, S14

FORM = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret",
        "scope": "https://org.crm4.dynamics.com/.default"}  # fmt: skip


def ask(**changes: str) -> Call:
    """A request for a token; a value of nothing leaves the field out."""
    form = {name: value for name, value in {**FORM, **changes}.items() if value}
    return Call("POST", "/tenant/oauth2/v2.0/token", urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip


CASES = [
    Case(fact="client credentials buy a bearer token for the scope of the environment", source=S14, call=ask(),
         status=200, body={"token_type": "Bearer", "access_token": PRESENT, "expires_in": PRESENT}),
    Case(fact="a bought token opens the environment", source=S14, settings={"strict_tokens": True}, first=[ask()],
         call=get("WhoAmI", Authorization="Bearer {token}"), status=200, body={"UserId": CALLER}),
    Case(fact="the word Bearer is read in any case", source=S14, settings={"strict_tokens": True}, first=[ask()],
         call=get("WhoAmI", Authorization="bearer {token}"), status=200),
    Case(fact="a foreign token is refused", source=S1, settings={"strict_tokens": True}, status=401,
         call=get("WhoAmI"), headers={"WWW-Authenticate": text("Bearer")}),
    Case(fact="no token is refused", source=S1, call=get("WhoAmI", Authorization="(none)"), status=401,
         headers={"WWW-Authenticate": text("Bearer")}),
    Case(fact="a password is no token", source=S1, call=get("WhoAmI", Authorization="Basic YTpi"), status=401),
    Case(fact="a scope that is not the environment's default buys nothing", source=S14, status=400,
         call=ask(scope="https://org.crm4.dynamics.com/user_impersonation"), body={"error": "invalid_scope"}),
    Case(fact="no secret buys nothing", source=S13, call=ask(client_secret=""), status=401,
         body={"error": "invalid_client"}),
    Case(fact="an assertion stands for a secret", source=S13, status=200, body={"access_token": PRESENT},
         call=ask(client_secret="", client_assertion="signed",
                  client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer")),
    Case(fact="another grant buys nothing", source=S13, call=ask(grant_type="password"), status=400,
         body={"error": "unsupported_grant_type"}),
    Case(fact="the application user of the environment is the caller", source=S13, status=200,
         call=get(f"systemusers({CALLER})?$select=applicationid,isdisabled"),
         body={"applicationid": PRESENT, "isdisabled": False}),
]  # fmt: skip
