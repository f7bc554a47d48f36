"""The one table of the editors' interface; the OpenAPI document is made of it."""

from dataclasses import dataclass

from pollsvc.domain.editor import Scope
from pollsvc.domain.errors import Code
from pollsvc.services.editing.images import MAX_UPLOAD as MAX_IMAGE
from pollsvc.services.imports.importing import MAX_UPLOAD
from pollsvc.web.api.articles import ApiArticles
from pollsvc.web.api.bodies import ArticleBody, DecisionBody, OrderBody, PollBody, SiteBody
from pollsvc.web.api.exports import export
from pollsvc.web.api.gate import FILE, ApiRoute
from pollsvc.web.api.imports import ApiImports
from pollsvc.web.api.log import log
from pollsvc.web.api.polls import ApiPolls
from pollsvc.web.api.sites import ApiSites
from pollsvc.web.api.webhooks import ApiWebhooks, WebhookBody

_POLL = (Code.NO_SUCH_POLL,)
_EDIT = (Code.NO_SUCH_POLL, Code.NOT_POSSIBLE_NOW, Code.EDIT_CONFLICT)
_ACTS = {
    "open": "Open a poll now: publish a draft, or reopen a closed poll",
    "publish": "Publish a draft with the schedule that it has",
    "close": "Close a poll now",
    "archive": "Put a closed poll or a draft into the archive",
    "unarchive": "Take a poll out of the archive",
}


@dataclass(frozen=True, slots=True)
class Answerers:
    """What answers the calls; made by `create_app`."""

    polls: ApiPolls
    imports: ApiImports
    articles: ApiArticles
    sites: ApiSites
    webhooks: ApiWebhooks


def api_routes(to: Answerers) -> list[ApiRoute]:
    """The routes of `/api/v1/admin`."""
    return [
        *_of_polls(to.polls),
        *_of_imports(to.imports),
        *_of_articles(to.articles),
        *_of_sites(to.sites),
        *_of_webhooks(to.webhooks),
    ]


def _of_polls(polls: ApiPolls) -> list[ApiRoute]:
    one, read, write = "/polls/{poll}", Scope.POLLS_READ, Scope.POLLS_WRITE
    return [
        ApiRoute(
            *("GET", "/polls", polls.find, read, "Find polls, newest first", "EditorPolls"),
            query=("site", "state", "text", "after", "limit"),
        ),
        ApiRoute(
            *("POST", "/polls", polls.create, write, "Create a poll", "EditorPoll"), PollBody, status=201
        ),
        ApiRoute("GET", one, polls.get, read, "A poll as editors see it", "EditorPoll", codes=_POLL),
        ApiRoute(
            *("PATCH", one, polls.change, write, "Change what was sent of a poll", "EditorPoll"),
            PollBody,
            if_match="required",
            codes=(*_EDIT, Code.NEEDS_CONFIRMATION, Code.IF_MATCH_REQUIRED),
        ),
        *(
            ApiRoute(
                *("POST", f"{one}/{name}", polls.act(name), write, summary, "EditorPoll"),
                if_match="optional",
                codes=_EDIT,
            )
            for name, summary in _ACTS.items()
        ),
        ApiRoute(
            *("POST", f"{one}/duplicate", polls.duplicate, write, "Make a draft like a poll", "EditorPoll"),
            status=201,
            codes=_POLL,
        ),
        ApiRoute(
            *("POST", f"{one}/versions", polls.replace, write),
            *("Put a new poll in the place of one whose meaning changes", "EditorPoll", PollBody),
            status=201,
            if_match="optional",
            codes=_EDIT,
        ),
        ApiRoute(
            *("GET", f"{one}/results", polls.results, Scope.RESULTS_READ),
            *("A poll's results, whatever readers may see of them", "EditorResults"),
            codes=_POLL,
        ),
        ApiRoute(
            *("GET", f"{one}/export", export, Scope.RESULTS_READ, "A poll as a file", FILE),
            query=("what", "format", "bucket", "lang"),
            codes=_POLL,
        ),
        ApiRoute(
            *("GET", f"{one}/alerts", polls.alerts, Scope.RESULTS_READ),
            *("What stands out in how a poll's ballots came in", "Alerts"),
            codes=_POLL,
        ),
        ApiRoute(
            *("GET", f"{one}/history", polls.history, read, "What readers could notice", "History"),
            codes=_POLL,
        ),
        ApiRoute(
            *("POST", f"{one}/write-ins/{{option:int}}", polls.decide, write),
            *("Approve, merge or reject what a reader wrote in", "EditorPoll", DecisionBody),
            if_match="optional",
            codes=_EDIT,
        ),
        ApiRoute(
            *("POST", "/images", polls.upload, write, "Keep an image for options: JPEG, PNG, WebP or GIF"),
            *("Image", FILE),
            status=201,
            max_body=MAX_IMAGE,
        ),
    ]


def _of_imports(imports: ApiImports) -> list[ApiRoute]:
    scope, codes = Scope.POLLS_IMPORT, (Code.NOT_POSSIBLE_NOW,)
    return [
        ApiRoute(
            *("POST", "/imports", imports.poll, scope),
            *("Import a poll that pollsvc exported: its export of `all`", "Imported", FILE),
            status=201,
            query=("site", "attach"),
            codes=codes,
            max_body=MAX_UPLOAD,
        ),
        ApiRoute(
            *("POST", "/imports/wp-polls", imports.wp_polls, scope),
            *("Import all polls of WP-Polls from a SQL dump, plain or gzipped", "ImportedPolls", FILE),
            query=("site", "time_zone", "lang", "keep_open", "dry_run"),
            codes=codes,
            max_body=MAX_UPLOAD,
        ),
    ]


def _of_articles(articles: ApiArticles) -> list[ApiRoute]:
    of_poll, read, write = "/polls/{poll}/articles", Scope.POLLS_READ, Scope.POLLS_WRITE
    return [
        ApiRoute(
            *("GET", of_poll, articles.of_poll, read, "The articles of a poll", "PollArticles"), codes=_POLL
        ),
        ApiRoute(
            *("POST", of_poll, articles.attach, write, "Put a poll on an article, last", "Article"),
            ArticleBody,
            status=201,
            codes=_POLL,
        ),
        ApiRoute(
            *("DELETE", of_poll, articles.detach, write, "Take a poll from an article", None),
            status=204,
            query=("url",),
            codes=_POLL,
        ),
        ApiRoute(
            *("GET", "/articles", articles.get, read, "The polls of an article, in order", "ArticlePolls"),
            query=("url",),
        ),
        ApiRoute(
            *("PUT", "/articles", articles.reorder, write, "Set the order of an article's polls"),
            *("ArticlePolls", OrderBody),
        ),
    ]


def _of_sites(sites: ApiSites) -> list[ApiRoute]:
    read, write = Scope.SITES_READ, Scope.SITES_WRITE
    return [
        ApiRoute("GET", "/sites", sites.all, read, "All sites that the key is for", "Sites"),
        ApiRoute("POST", "/sites", sites.add, write, "Add a site", "Site", SiteBody, status=201),
        ApiRoute("GET", "/sites/{site}", sites.get, read, "A site by id or name", "Site"),
        ApiRoute("PATCH", "/sites/{site}", sites.change, write, "Change a site", "Site", SiteBody),
        ApiRoute(
            *("GET", "/log", log, Scope.LOG_READ, "Who changed what, newest first", "Log"),
            query=("subject", "before"),
        ),
    ]


def _of_webhooks(hooks: ApiWebhooks) -> list[ApiRoute]:
    one, scope, missing = "/webhooks/{webhook}", Scope.WEBHOOKS_WRITE, (Code.NOT_FOUND,)
    return [
        ApiRoute("GET", "/webhooks", hooks.all, scope, "All webhooks of the key's sites", "Webhooks"),
        ApiRoute(
            *("POST", "/webhooks", hooks.add, scope, "Add a webhook; its secret is told this once"),
            *("NewWebhook", WebhookBody),
            status=201,
        ),
        ApiRoute("DELETE", one, hooks.remove, scope, "Disable a webhook for good", "Webhook", codes=missing),
        ApiRoute(
            *("POST", f"{one}/rotate", hooks.rotate, scope, "Give a webhook a new secret", "NewWebhook"),
            codes=(*missing, Code.NOT_POSSIBLE_NOW),
        ),
        ApiRoute(
            *("POST", f"{one}/test", hooks.test, scope, "Send a webhook a `ping`", "Queued"),
            status=202,
            codes=(*missing, Code.NOT_POSSIBLE_NOW),
        ),
        ApiRoute(
            *("GET", f"{one}/deliveries", hooks.deliveries, scope, "How its messages fare", "Deliveries"),
            query=("limit",),
            codes=missing,
        ),
    ]
