"""`pollsvc site`: publishers."""

from collections.abc import Callable

import click

from pollsvc.cli.context import desk, json_option, print_json, run
from pollsvc.domain.errors import bad
from pollsvc.domain.paces import STANDARD, paces_of, read_pace
from pollsvc.domain.poll import Policy
from pollsvc.services.vouching import secret_of


@click.group()
def site() -> None:
    """Add and list sites (publishers)."""


@site.command()
@click.argument("name")
@click.option(
    "--origin", "origins", multiple=True, required=True, help="An origin whose pages may vote; repeatable."
)
@click.option("--locale", default="en", show_default=True, help="Default language of its polls.")
@click.option("--time-zone", default="UTC", show_default=True, help="Time zone of its schedules.")
@click.option(
    "--percent-from",
    type=click.IntRange(1, 1_000_000),
    default=10,
    show_default=True,
    help="Least number of voters for which percentages are shown.",
)
@json_option
@run
async def add(
    name: str, origins: tuple[str, ...], locale: str, time_zone: str, percent_from: int, as_json: bool
) -> None:
    """Add the site NAME."""
    async with desk() as work:
        new = await work.sites.add(
            name, origins, locale=locale, time_zone=time_zone, percent_from=percent_from
        )
    if as_json:
        print_json({"id": new.id, "name": new.name, "origins": sorted(new.origins)})
    else:
        click.echo(f"Added {new.name} ({new.id}) with {', '.join(sorted(new.origins))}")


@site.command("list")
@json_option
@run
async def list_(as_json: bool) -> None:
    """List all sites."""
    async with desk() as work:
        sites = await work.sites.all()
    if as_json:
        print_json([{"id": one.id, "name": one.name, "origins": sorted(one.origins)} for one in sites])
        return
    for one in sites:
        click.echo(f"{one.id}  {one.name}  {' '.join(sorted(one.origins))}")


_PACES = {
    "calm": "Votes of one address in a poll that just count",
    "calm-wide": "The same of a wide network (IPv4 /24, IPv6 /48)",
    "proof": "Votes of one address above those that count with a proof of work",
    "proof-wide": "The same of a wide network",
}


def _pace_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each pace that a site can set."""
    usual = STANDARD.named()
    for name, what in reversed(_PACES.items()):
        field = name.replace("-", "_")
        told = f"{what}: so many at once, then one each so many seconds; usually {usual[field].written()}."
        command = click.option(f"--{name}", field, metavar="VOTES/SECONDS", help=told)(command)
    return command


@site.command()
@click.argument("name")
@click.argument("to", required=False, type=click.Choice([*(policy.value for policy in Policy), "default"]))
@_pace_options
@click.option("--usual-paces", is_flag=True, help="Go back to the usual paces.")
@json_option
@run
async def policy(name: str, to: str | None, usual_paces: bool, as_json: bool, **given: str | None) -> None:
    """Show or set how readily votes count in the polls of the site NAME.

    `default` is what POLLSVC_ADMISSION says; under `strict` only readers whom the site vouches for can vote.
    Under `standard` the paces decide; in all polls of the site together a network may do four times as much.
    """
    paces = {field: read_pace(field, text) for field, text in given.items() if text is not None}
    if usual_paces and paces:
        raise bad("Give paces, or --usual-paces.")
    async with desk() as work:
        found = await work.sites.get(name)
        changes: dict[str, object] = {}
        if to is not None:
            changes["policy"] = None if to == "default" else Policy(to)
        if usual_paces or paces:
            before = found.paces or STANDARD
            changes["paces"] = None if usual_paces else paces_of(before.named() | paces)
        if changes:
            found = await work.sites.change(found.id, **changes)
    now = found.paces or STANDARD
    written = {field: pace.written() for field, pace in now.named().items()}
    if as_json:
        told = {"policy": found.policy and found.policy.value, "paces": written, "usual": found.paces is None}
        print_json({"id": found.id, "name": found.name, **told, **now.expected()._asdict()})
        return
    click.echo(f"The policy of {found.name} is {found.policy.value if found.policy else 'default'}.")
    shown = ", ".join(f"{field.replace('_', '-')} {pace}" for field, pace in written.items())
    click.echo(f"Its paces{' are the usual ones' if found.paces is None else ''}: {shown}.")
    click.echo(now.meaning())


@site.command()
@click.argument("name")
@click.option("--rotate", is_flag=True, help="Make a new one; the one before stays good until the next.")
@run
async def secret(name: str, rotate: bool) -> None:
    """Print the secret by which the site NAME vouches for its signed-in readers."""
    async with desk() as work:
        found = await work.sites.get(name)
        if rotate:
            found = await work.sites.change(name, vouching=found.vouching + 1)
    click.echo(secret_of(found))
