"""`pollsvc site`: publishers."""

import click

from pollsvc.cli.context import desk, json_option, print_json, run


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
