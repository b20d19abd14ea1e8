"""`python -m local.enreach_key api-user@contoso.com`: asks for the login password and prints the API secret key."""

import argparse
import getpass
import sys
import warnings

from local.enreach_key.acquiring import KeyNotAcquiredError, acquire_key, check_address, discover

DISCOVERY = "https://discover.enreachvoice.com"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 with the key on stdout, 1 without it, 2 where nothing was asked."""
    options = _read(arguments)
    try:
        for address in filter(None, (options.discovery, options.api)):
            check_address(address)
        password = _ask_for_password(options.user)
    except (KeyNotAcquiredError, getpass.GetPassWarning, EOFError) as error:
        return _failed(error, 2)
    try:
        api = options.api or discover(options.discovery, options.user)
        key = acquire_key(api, options.user, password)
    except KeyNotAcquiredError as error:
        return _failed(error, 1)
    print("This is the API secret key. Put it into Key Vault; it opens what its user may see.", file=sys.stderr)
    print(key)
    return 0


def _read(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.enreach_key",
        description="Acquires the API secret key of an Enreach user. The login password is asked for in the terminal.",
    )
    parser.add_argument("user", help="login e-mail of the API user")
    parser.add_argument("--discovery", default=DISCOVERY, help="where the API's address is asked for (%(default)s)")
    parser.add_argument("--api", help="the API's address itself; then discovery is not asked")
    return parser.parse_args(arguments)


def _ask_for_password(user: str) -> str:
    with warnings.catch_warnings():
        # Without a terminal the password would be shown as it is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        return getpass.getpass(f"Login password of {user}: ")


def _failed(error: BaseException, code: int) -> int:
    print(f"No key: {error or 'no password was given'}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
