"""Webhooks in the editors' interface."""

from http import HTTPStatus

from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from pollsvc.domain.webhook import Webhook
from pollsvc.services.webhooks.webhooks import describe_delivery, describe_webhook
from pollsvc.web.api.gate import Call, answer


class WebhookBody(Struct, forbid_unknown_fields=True):
    """A webhook to be made."""

    url: str
    site: str | UnsetType = UNSET
    events: list[str] | UnsetType = UNSET


class ApiWebhooks:
    """Answers calls about webhooks."""

    async def all(self, call: Call) -> Response:
        """`GET /webhooks`."""
        hooks = await call.work.webhooks.all()
        seen = [hook for hook in hooks if call.key.site in (None, hook.site)]
        return answer({"webhooks": [describe_webhook(hook) for hook in seen]})

    async def add(self, call: Call) -> Response:
        """`POST /webhooks`: the answer has the secret, this once."""
        body = await call.body(WebhookBody)
        site = await call.site(body.site or None)
        more = {} if body.events is UNSET else {"events": body.events}
        hook, secret = await call.work.webhooks.add(site, body.url, **more)
        return answer({**describe_webhook(hook), "secret": secret}, HTTPStatus.CREATED)

    async def remove(self, call: Call) -> Response:
        """`DELETE /webhooks/{webhook}`."""
        hook = await self._hook(call)
        return answer(describe_webhook(await call.work.webhooks.remove(hook.id)))

    async def rotate(self, call: Call) -> Response:
        """`POST /webhooks/{webhook}/rotate`: the answer has the new secret, this once."""
        hook, secret = await call.work.webhooks.rotate((await self._hook(call)).id)
        return answer({**describe_webhook(hook), "secret": secret})

    async def test(self, call: Call) -> Response:
        """`POST /webhooks/{webhook}/test`."""
        message = await call.work.webhooks.test((await self._hook(call)).id)
        return answer({"id": message}, HTTPStatus.ACCEPTED)

    async def deliveries(self, call: Call) -> Response:
        """`GET /webhooks/{webhook}/deliveries`."""
        hook = await self._hook(call)
        found = await call.work.webhooks.deliveries(hook.id, call.number("limit", 50) or 50)
        return answer({"deliveries": [describe_delivery(delivery) for delivery in found]})

    @staticmethod
    async def _hook(call: Call) -> Webhook:
        """The webhook in the path; one of a site that is not the key's is not found."""
        hook = await call.work.webhooks.get(call.request.path_params["webhook"])
        if call.key.site not in (None, hook.site):
            return await call.work.webhooks.get("")
        return hook
