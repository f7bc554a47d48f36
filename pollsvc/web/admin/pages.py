"""The admin's pages, put together."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from pollsvc.domain.clock import Clock
from pollsvc.services.accounts.sign_in import SignIn
from pollsvc.services.desk import Desk
from pollsvc.services.snapshots import Publisher
from pollsvc.services.watching.lookout import Lookout
from pollsvc.web.admin.guard import Guard
from pollsvc.web.admin.people.account import AccountPage
from pollsvc.web.admin.people.cookie import SessionCookie
from pollsvc.web.admin.people.editors import PeoplePages
from pollsvc.web.admin.people.keys import KeyPages
from pollsvc.web.admin.people.log import LogPage
from pollsvc.web.admin.people.sign_in import SignInPage
from pollsvc.web.admin.polls.alerts import AlertPages
from pollsvc.web.admin.polls.articles import ArticlePages
from pollsvc.web.admin.polls.ballots import BallotPages
from pollsvc.web.admin.polls.edit import EditPages
from pollsvc.web.admin.polls.exports import ExportPages
from pollsvc.web.admin.polls.form_page import FormPage
from pollsvc.web.admin.polls.imports import ImportPages
from pollsvc.web.admin.polls.list_page import PollListPage
from pollsvc.web.admin.polls.preview import Previews
from pollsvc.web.admin.polls.record import RecordPages
from pollsvc.web.admin.polls.state import StatePages
from pollsvc.web.admin.polls.write_ins import WriteInPages
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.routes import AdminPages, admin_routes
from pollsvc.web.admin.sites import SitePages
from pollsvc.web.admin.watching.dashboard import DashboardPage
from pollsvc.web.admin.watching.page import WatchPages
from pollsvc.web.admin.webhooks import WebhookPages
from pollsvc.web.http import Addresses
from pollsvc.web.pages.poll_view import PollViews


def admin_pages(
    sign_in: SignIn,
    desk: Desk,
    lookout: Lookout,
    publisher: Publisher,
    views: PollViews,
    own_origin: str,
    addresses: Addresses,
    clock: Clock,
) -> Sequence[BaseRoute]:
    """The admin's routes, behind their guard."""
    base_url, langs = publisher.base_url, publisher.strings.langs
    render, cookie = Renderer(base_url), SessionCookie(base_url)
    previews = Previews(publisher, views, clock)
    form = FormPage(render, previews, clock, langs)
    ballots = BallotPages(render, clock)
    pages = AdminPages(
        render=render,
        sign_in=SignInPage(sign_in, desk, render, cookie, addresses),
        account=AccountPage(render, cookie),
        people=PeoplePages(render),
        keys=KeyPages(render),
        log=LogPage(render),
        dashboard=DashboardPage(render, lookout),
        watch=WatchPages(render, lookout),
        webhooks=WebhookPages(render),
        polls=PollListPage(render, clock),
        edit=EditPages(render, form, previews, clock),
        state=StatePages(render, base_url),
        record=RecordPages(render, publisher, clock),
        articles=ArticlePages(render, clock),
        write_ins=WriteInPages(render, clock),
        ballots=ballots,
        alerts=AlertPages(render, ballots),
        sites=SitePages(render, langs),
        exports=ExportPages(render, clock),
        imports=ImportPages(render, langs),
    )
    return Guard(desk, render, cookie, base_url, own_origin).routes(admin_routes(pages))
