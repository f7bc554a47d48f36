"""The one table of the admin's routes, and for whom each is."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.editor import Role
from pollsvc.web.admin.guard import AdminRoute, OpenRoute
from pollsvc.web.admin.people.account import AccountPage
from pollsvc.web.admin.people.editors import PeoplePages
from pollsvc.web.admin.people.keys import KeyPages
from pollsvc.web.admin.people.log import LogPage
from pollsvc.web.admin.people.sign_in import SignInPage
from pollsvc.web.admin.polls.alerts import AlertPages
from pollsvc.web.admin.polls.articles import ArticlePages
from pollsvc.web.admin.polls.ballots import BallotPages
from pollsvc.web.admin.polls.edit import EditPages
from pollsvc.web.admin.polls.exports import ExportPages
from pollsvc.web.admin.polls.imports import MAX_BODY as WITH_FILES
from pollsvc.web.admin.polls.imports import ImportPages
from pollsvc.web.admin.polls.list_page import PollListPage
from pollsvc.web.admin.polls.record import RecordPages
from pollsvc.web.admin.polls.state import StatePages
from pollsvc.web.admin.polls.upload import MAX_BODY as WITH_IMAGES
from pollsvc.web.admin.polls.write_ins import WriteInPages
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.sites import SitePages
from pollsvc.web.admin.visit import Visit
from pollsvc.web.admin.watching.dashboard import DashboardPage
from pollsvc.web.admin.watching.page import WatchPages
from pollsvc.web.admin.webhooks import WebhookPages


@dataclass(frozen=True, slots=True)
class AdminPages:
    """What answers each route; made by `create_app`."""

    render: Renderer
    sign_in: SignInPage
    account: AccountPage
    people: PeoplePages
    keys: KeyPages
    log: LogPage
    dashboard: DashboardPage
    watch: WatchPages
    webhooks: WebhookPages
    polls: PollListPage
    edit: EditPages
    state: StatePages
    record: RecordPages
    articles: ArticlePages
    write_ins: WriteInPages
    ballots: BallotPages
    alerts: AlertPages
    sites: SitePages
    exports: ExportPages
    imports: ImportPages

    async def settings(self, _request: Request, visit: Visit) -> Response:
        """`GET /admin/settings`: the first of the settings' pages that the editor may open."""
        return self.render.redirect(
            "/admin/people" if visit.editor.role.may(Role.ADMIN) else "/admin/account"
        )


def admin_routes(to: AdminPages) -> Sequence[AdminRoute | OpenRoute]:
    """The routes, in the order in which they are tried; without a role named, every editor may."""
    return [
        OpenRoute("/admin/sign-in", to.sign_in.show),
        OpenRoute("/admin/sign-in", to.sign_in.sign_in, ["POST"]),
        AdminRoute("/admin", to.dashboard.show),
        AdminRoute("/admin/live", to.dashboard.live),
        AdminRoute("/admin/sign-out", to.account.sign_out, ["POST"]),
        AdminRoute("/admin/account", to.account.show),
        AdminRoute("/admin/account/password", to.account.change_password, ["POST"]),
        AdminRoute("/admin/account/sessions", to.account.end_sessions, ["POST"]),
        AdminRoute("/admin/log", to.log.show),
        AdminRoute("/admin/settings", to.settings),
        AdminRoute("/admin/people", to.people.show, role=Role.ADMIN),
        AdminRoute("/admin/people", to.people.add, ["POST"], Role.ADMIN),
        AdminRoute("/admin/people/{editor}/role", to.people.set_role, ["POST"], Role.ADMIN),
        AdminRoute("/admin/people/{editor}/password", to.people.set_password, ["POST"], Role.ADMIN),
        AdminRoute("/admin/people/{editor}/disable", to.people.disable, ["POST"], Role.ADMIN),
        AdminRoute("/admin/people/{editor}/enable", to.people.enable, ["POST"], Role.ADMIN),
        AdminRoute("/admin/keys", to.keys.show, role=Role.ADMIN),
        AdminRoute("/admin/keys", to.keys.create, ["POST"], Role.ADMIN),
        AdminRoute("/admin/keys/{key}/revoke", to.keys.revoke, ["POST"], Role.ADMIN),
        AdminRoute("/admin/webhooks", to.webhooks.show, role=Role.ADMIN),
        AdminRoute("/admin/webhooks", to.webhooks.add, ["POST"], Role.ADMIN),
        AdminRoute("/admin/webhooks/{webhook}", to.webhooks.deliveries, role=Role.ADMIN),
        AdminRoute("/admin/webhooks/{webhook}/test", to.webhooks.test, ["POST"], Role.ADMIN),
        AdminRoute("/admin/webhooks/{webhook}/rotate", to.webhooks.rotate, ["POST"], Role.ADMIN),
        AdminRoute("/admin/webhooks/{webhook}/remove", to.webhooks.remove, ["POST"], Role.ADMIN),
        AdminRoute("/admin/sites", to.sites.all, role=Role.ADMIN),
        AdminRoute("/admin/sites", to.sites.add, ["POST"], Role.ADMIN),
        AdminRoute("/admin/sites/{site}", to.sites.show, role=Role.ADMIN),
        AdminRoute("/admin/sites/{site}", to.sites.change, ["POST"], Role.ADMIN),
        AdminRoute("/admin/sites/{site}/admission", to.sites.admit, ["POST"], Role.ADMIN),
        AdminRoute("/admin/articles", to.articles.all),
        AdminRoute("/admin/articles", to.articles.change, ["POST"], Role.EDITOR),
        AdminRoute("/admin/preview", to.edit.preview, ["POST"], Role.EDITOR, WITH_IMAGES),
        AdminRoute("/admin/images", to.edit.upload, ["POST"], Role.EDITOR, WITH_IMAGES),
        AdminRoute("/admin/polls", to.polls.show),
        AdminRoute("/admin/polls/new", to.edit.new, role=Role.EDITOR),
        AdminRoute("/admin/polls/new", to.edit.create, ["POST"], Role.EDITOR, WITH_IMAGES),
        AdminRoute("/admin/polls/import", to.imports.show, role=Role.ADMIN),
        AdminRoute("/admin/polls/import", to.imports.take, ["POST"], Role.ADMIN, WITH_FILES),
        # below all whose addresses are words, such as /admin/polls/new
        AdminRoute("/admin/polls/{poll}", to.watch.show),
        AdminRoute("/admin/polls/{poll}/live", to.watch.live),
        AdminRoute("/admin/polls/{poll}/edit", to.edit.edit, role=Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/edit", to.edit.save, ["POST"], Role.EDITOR, WITH_IMAGES),
        AdminRoute("/admin/polls/{poll}/version", to.edit.version, role=Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/version", to.edit.replace, ["POST"], Role.EDITOR, WITH_IMAGES),
        AdminRoute("/admin/polls/{poll}/open", to.state.open, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/publish", to.state.publish, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/close", to.state.close, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/archive", to.state.archive, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/unarchive", to.state.unarchive, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/duplicate", to.state.duplicate, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/embed", to.record.embed),
        AdminRoute("/admin/polls/{poll}/history", to.record.history),
        AdminRoute("/admin/polls/{poll}/articles", to.articles.of_poll, role=Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/articles", to.articles.place, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/ballots", to.ballots.show),
        AdminRoute("/admin/polls/{poll}/ballots", to.ballots.judge, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/ballots/publish", to.ballots.publish, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/ballots/withdraw", to.ballots.withdraw, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/alerts/{alert}/dismiss", to.alerts.dismiss, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/write-ins", to.write_ins.show),
        AdminRoute("/admin/polls/{poll}/write-ins", to.write_ins.decide, ["POST"], Role.EDITOR),
        AdminRoute("/admin/polls/{poll}/export", to.exports.show),
        AdminRoute("/admin/polls/{poll}/export/file", to.exports.file),
    ]
