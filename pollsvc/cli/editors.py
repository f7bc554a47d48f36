"""`pollsvc editor` and `pollsvc apikey`: who may sign in, and with what."""

import sys

import click

from pollsvc.cli.context import choice, desk, json_option, print_json, run
from pollsvc.domain.clock import rfc3339
from pollsvc.domain.editor import ApiKey, Editor, Role, Scope

role_option = click.option(
    "--role",
    type=choice(Role),
    required=True,
    help="admin: everything; editor: polls and articles; viewer: looks and exports.",
)
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
prompt_option = click.option("--prompt", is_flag=True, help="Ask for the password, twice.")


@click.group()
def editor() -> None:
    """Add and change editors, who sign in at /admin."""


@editor.command()
@click.argument("name")
@role_option
@stdin_option
@prompt_option
@json_option
@run
async def add(name: str, role: str, password_stdin: bool, prompt: bool, as_json: bool) -> None:
    """Add the editor NAME; without a given password one is made and printed."""
    given = _password(password_stdin, prompt)
    async with desk() as work:
        added, password = await work.accounts.add_editor(name, Role(role), given)
    _print(added, f"Added {added.name} ({added.role})", None if given else password, as_json)


@editor.command()
@click.argument("name")
@stdin_option
@prompt_option
@json_option
@run
async def passwd(name: str, password_stdin: bool, prompt: bool, as_json: bool) -> None:
    """Give the editor NAME a new password; without a given one it is made and printed.

    The editor's sessions end, and so does a wait after failures to sign in.
    """
    given = _password(password_stdin, prompt)
    async with desk() as work:
        changed, password = await work.accounts.set_password(name, given)
    _print(changed, f"{changed.name} has a new password", None if given else password, as_json)


@editor.command()
@click.argument("name")
@role_option
@json_option
@run
async def role(name: str, role: str, as_json: bool) -> None:
    """Give the editor NAME another role."""
    async with desk() as work:
        changed = await work.accounts.set_role(name, Role(role))
    _print(changed, f"{changed.name} is {changed.role} now", None, as_json)


@editor.command()
@click.argument("name")
@json_option
@run
async def disable(name: str, as_json: bool) -> None:
    """Let the editor NAME sign in no more, and end their sessions."""
    async with desk() as work:
        changed = await work.accounts.disable(name)
    _print(changed, f"{changed.name} cannot sign in any more", None, as_json)


@editor.command()
@click.argument("name")
@json_option
@run
async def enable(name: str, as_json: bool) -> None:
    """Let the disabled editor NAME sign in again."""
    async with desk() as work:
        changed = await work.accounts.enable(name)
    _print(changed, f"{changed.name} can sign in again", None, as_json)


@editor.command("list")
@json_option
@run
async def list_editors(as_json: bool) -> None:
    """List all editors."""
    async with desk() as work:
        found = await work.accounts.all()
    if as_json:
        print_json([_describe(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.id}  {one.role:<6}  {one.name}{'  (disabled)' if one.disabled else ''}")


@click.group()
def apikey() -> None:
    """Make and revoke API keys, with which programs do what editors do."""


@apikey.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=choice(Scope),
    multiple=True,
    required=True,
    help="What the key may do; repeatable.",
)
@click.option("--site", help="Name or id of the one site that it is for; default: all sites.")
@json_option
@run
async def add_key(name: str, scopes: tuple[str, ...], site: str | None, as_json: bool) -> None:
    """Make an API key, and print it this once."""
    async with desk() as work:
        only = await work.sites.get(site) if site else None
        key, text = await work.api_keys.create(name, [Scope(scope) for scope in scopes], only)
    if as_json:
        print_json({**_describe_key(key), "key": text})
    else:
        click.echo(text)
        click.echo("It is not shown again: keep it where secrets are kept.", err=True)


@apikey.command("list")
@json_option
@run
async def list_keys(as_json: bool) -> None:
    """List all API keys, revoked ones too."""
    async with desk() as work:
        found = await work.api_keys.all()
    if as_json:
        print_json([_describe_key(key) for key in found])
        return
    for key in found:
        used = f"used {rfc3339(key.used_at)}" if key.used_at is not None else "never used"
        state = "revoked" if key.revoked_at is not None else used
        click.echo(
            f"{key.id}  {key.name}  {' '.join(sorted(key.scopes))}  {key.site or 'all sites'}  {state}"
        )


@apikey.command()
@click.argument("id_", metavar="ID")
@json_option
@run
async def revoke(id_: str, as_json: bool) -> None:
    """Let the API key of this ID be used no more."""
    async with desk() as work:
        key = await work.api_keys.revoke(id_)
    if as_json:
        print_json({"id": key.id, "revoked": True})
    else:
        click.echo(f"Revoked {key.name} ({key.id})")


def _password(stdin: bool, prompt: bool) -> str | None:
    """The password that is given, if any."""
    if stdin and prompt:
        raise click.UsageError("Give one of --password-stdin and --prompt.")
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if prompt:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return None


def _print(of: Editor, told: str, password: str | None, as_json: bool) -> None:
    if as_json:
        print_json({**_describe(of), **({"password": password} if password else {})})
        return
    click.echo(told)
    if password:
        click.echo(f"Password: {password}")


def _describe(of: Editor) -> dict[str, object]:
    return {"id": of.id, "name": of.name, "role": of.role, "disabled": of.disabled}


def _describe_key(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "site": key.site,
        "created_at": rfc3339(key.created_at),
        "used_at": None if key.used_at is None else rfc3339(key.used_at),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
