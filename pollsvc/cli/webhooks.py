"""`pollsvc webhook`: a site's own systems that are told what happens to its polls."""

import click

from pollsvc.cli.context import desk, json_option, print_json, run
from pollsvc.domain.clock import rfc3339
from pollsvc.domain.webhook import POLL_EVENTS, Event, Webhook
from pollsvc.services.webhooks.webhooks import MAX_DELIVERIES, describe_delivery, describe_webhook


@click.group()
def webhook() -> None:
    """Add, list, test and remove webhooks; docs/webhooks.md says what they are sent."""


@webhook.command()
@click.argument("url")
@click.option("--site", "site_name", required=True, help="The site's name or id.")
@click.option(
    "--event",
    "events",
    multiple=True,
    default=[event.value for event in POLL_EVENTS],
    show_default=True,
    help=f"What it is told of, of {', '.join(Event)}; repeatable.",
)
@json_option
@run
async def add(url: str, site_name: str, events: tuple[str, ...], as_json: bool) -> None:
    """Tell URL of a site's polls, and print the secret that signs what is sent."""
    async with desk() as work:
        hook, secret = await work.webhooks.add(await work.sites.get(site_name), url, events)
    if as_json:
        print_json({**describe_webhook(hook), "secret": secret})
    else:
        click.echo(f"Added {hook.id} for {', '.join(sorted(hook.events))}.")
        _show_secret(secret)


@webhook.command("list")
@click.option("--site", "site_name", help="Only the webhooks of this site.")
@json_option
@run
async def list_(site_name: str | None, as_json: bool) -> None:
    """List webhooks, newest first."""
    async with desk() as work:
        hooks = await work.webhooks.all(await work.sites.get(site_name) if site_name else None)
    if as_json:
        print_json([describe_webhook(hook) for hook in hooks])
        return
    for hook in hooks:
        state = "active" if hook.disabled_at is None else "disabled"
        click.echo(f"{hook.id}  {state:<8}  {hook.url}  {' '.join(sorted(hook.events))}")


@webhook.command()
@click.argument("webhook_id", metavar="WEBHOOK")
@json_option
@run
async def remove(webhook_id: str, as_json: bool) -> None:
    """Send nothing more to a webhook."""
    async with desk() as work:
        hook = await work.webhooks.remove(webhook_id)
    _done(hook, f"Removed {hook.id}: nothing is sent to {hook.url} any more.", as_json)


@webhook.command()
@click.argument("webhook_id", metavar="WEBHOOK")
@json_option
@run
async def rotate(webhook_id: str, as_json: bool) -> None:
    """Print a new secret for a webhook; the old one signs too for 24 hours."""
    async with desk() as work:
        hook, secret = await work.webhooks.rotate(webhook_id)
    if as_json:
        print_json({**describe_webhook(hook), "secret": secret})
    else:
        click.echo(f"{hook.id} has a new secret; the old one signs too for 24 hours.")
        _show_secret(secret)


@webhook.command()
@click.argument("webhook_id", metavar="WEBHOOK")
@json_option
@run
async def test(webhook_id: str, as_json: bool) -> None:
    """Have the service send a `ping` to a webhook."""
    async with desk() as work:
        message = await work.webhooks.test(webhook_id)
    if as_json:
        print_json({"id": message})
    else:
        click.echo(
            f"Queued {message}; `pollsvc serve` sends it, and `pollsvc webhook deliveries {webhook_id}` "
            "shows what came of it."
        )


@webhook.command()
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--limit", type=click.IntRange(1, MAX_DELIVERIES), default=20, show_default=True)
@json_option
@run
async def deliveries(webhook_id: str, limit: int, as_json: bool) -> None:
    """Show how a webhook's newest messages fare."""
    async with desk() as work:
        found = await work.webhooks.deliveries(webhook_id, limit)
    if as_json:
        print_json([describe_delivery(delivery) for delivery in found])
        return
    for delivery in found:
        tries = f"{delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
        click.echo(
            f"{rfc3339(delivery.created_at)}  {delivery.event:<14}  {delivery.poll or '-':<10}  "
            f"{delivery.state:<9}  {tries:<8}  {delivery.answer}"
        )


def _show_secret(secret: str) -> None:
    click.echo(f"Its secret, which is shown only now:\n\n{secret}")


def _done(hook: Webhook, text: str, as_json: bool) -> None:
    if as_json:
        print_json(describe_webhook(hook))
    else:
        click.echo(text)
