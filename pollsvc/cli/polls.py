"""`pollsvc poll` and `pollsvc results`."""

import json
import time
from zoneinfo import ZoneInfo

import click

from pollsvc.cli.context import choice, database, desk, json_option, print_json, run, settings
from pollsvc.cli.review import alerts, ballots, bundle, review
from pollsvc.cli.transfer import export, import_, import_wp_polls
from pollsvc.domain.clock import parse_time
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Site, Visibility, say
from pollsvc.services.editing.describing import describe
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.services.embed import embed_code
from pollsvc.services.exports.picture import load_results


@click.group()
def poll() -> None:
    """Create, show, open, close, export and import polls."""


@poll.command()
@click.option("--site", "site_name", required=True, help="The site's name or id.")
@click.option("--question", required=True)
@click.option(
    "--option", "options", multiple=True, help="One answer, of kind reaction an emoji; give two or more."
)
@click.option("--kind", type=choice(Kind), default="single", show_default=True)
@click.option("--min", "min_picks", type=int, help="Least number of picks (kinds multiple and ranked).")
@click.option("--max", "max_picks", type=int, help="Greatest number of picks (kinds multiple and ranked).")
@click.option("--scale", type=int, help="Greatest number of a rating: 5 or 10.")
@click.option("--lang", help="Language of question and options; default: the site's.")
@click.option(
    "--article", "articles", multiple=True, help="URL of an article that it is placed on; repeatable."
)
@click.option("--opens", help="When it opens (ISO 8601, the site's time zone); default: now.")
@click.option("--closes", help="When it closes; default: never.")
@click.option(
    "--results",
    "visibility",
    type=choice(Visibility),
    default="always",
    show_default=True,
    help="Who sees results while the poll runs.",
)
@click.option("--allow-change", is_flag=True, help="Let readers change and withdraw their vote.")
@click.option("--shuffle", is_flag=True, help="Show each reader the options in an order of their own.")
@click.option("--write-in", is_flag=True, help="Let readers write an answer of their own.")
@click.option("--draft", is_flag=True, help="Keep it unpublished until `poll open`.")
@json_option
@run
async def create(
    site_name: str,
    opens: str | None,
    closes: str | None,
    as_json: bool,
    kind: str,
    visibility: str,
    options: tuple[str, ...],
    **given: object,
) -> None:
    """Create a poll."""
    async with desk() as work:
        site = await work.sites.get(site_name)
        times = {"opens_at": _time(opens, site), "closes_at": _time(closes, site)}
        choices = {"kind": Kind(kind), "visibility": Visibility(visibility)}
        answers = [NewOption(emoji=text) if kind == Kind.REACTION else NewOption(text) for text in options]
        new = await work.editing.create_poll(
            site,
            NewPoll(options=answers, **given, **times, **choices),  # type: ignore[arg-type]
        )
    base_url = settings().base_url
    if not base_url:
        base_url = "http://127.0.0.1:8000"
        click.echo(f"POLLSVC_BASE_URL is not set: the code to embed names {base_url}.", err=True)
    code = embed_code(base_url, new)
    if as_json:
        print_json({"id": new.id, "embed": code})
    else:
        click.echo(f"Created {new.id}. Paste this into the article:\n\n{code}")


@poll.command("list")
@click.option("--site", "site_name", help="Only the polls of this site.")
@json_option
@run
async def list_(site_name: str | None, as_json: bool) -> None:
    """List polls, newest first."""
    async with desk() as work:
        polls = await work.editing.polls(await work.sites.get(site_name) if site_name else None)
    rows = [describe(one, time.time()) for one in polls]
    if as_json:
        print_json(rows)
        return
    for one, row in zip(polls, rows, strict=True):
        click.echo(f"{one.id}  {row['state']:<9}  {one.site.name}: {one.question[one.lang]}")


@poll.command()
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def show(poll_id: str, as_json: bool) -> None:
    """Show one poll."""
    async with desk() as work:
        _describe(describe(await work.editing.poll(poll_id), time.time()), as_json)


@poll.command("open")
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def open_(poll_id: str, as_json: bool) -> None:
    """Open a poll now; a draft is published, a closed poll reopened."""
    async with desk() as work:
        _describe(describe(await work.editing.open_poll(poll_id), time.time()), as_json)


@poll.command()
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def close(poll_id: str, as_json: bool) -> None:
    """Close a poll now."""
    async with desk() as work:
        _describe(describe(await work.editing.close_poll(poll_id), time.time()), as_json)


for command in (export, import_, import_wp_polls, alerts, ballots, bundle, review):
    poll.add_command(command)


@click.command()
@click.argument("poll_id", metavar="POLL")
@json_option
@run
async def results(poll_id: str, as_json: bool) -> None:
    """Show a poll's results."""
    async with database(settings()) as connection:
        found, now = await load_results(connection, poll_id)
    if as_json:
        print_json(now.as_json())
        return
    click.echo(f"{found.question[found.lang]}\n{now.voters} voters, {now.held} held, {now.excluded} excluded")
    for option in found.options:
        count = now.options.get(option.id)
        if count is None:
            continue
        share = f"{count / now.voters:.0%} of voters" if now.voters else "-"
        click.echo(f"  {count:>9}  {share:<16}  {say(option.label, found.lang, found.lang)}")


def _describe(row: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{name:<13} {shown}")


def _time(text: str | None, site: Site) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text, ZoneInfo(site.time_zone))
    except ValueError:
        raise PollError(
            Code.BAD_REQUEST, f"{text!r} is no time; give one such as 2026-11-22T18:00 or 2026-11-22T18:00Z."
        ) from None
