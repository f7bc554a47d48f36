"""Admins add webhooks in the browser, see a secret once, and see what came of each message."""

import re
from pathlib import Path

from tests.support.editors import signed_in
from tests.support.server import SITE, free_port, run_service


async def test_a_webhook_from_adding_to_removing(tmp_path: Path) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    env = {"POLLSVC_WEBHOOK_ORIGINS": origin}
    async with (
        run_service(tmp_path, env=env, site=True) as service,
        signed_in(service.base_url, service.database_url) as admin,
    ):
        page = (await admin.get("/admin/webhooks")).body.decode()
        [site] = re.findall(rf'<option value="(\w+)"[^>]*>{SITE}', page)
        refused = await admin.send("/admin/webhooks", {"url": "https://evil.example/", "for": site})
        assert refused.status == 400
        assert "POLLSVC_WEBHOOK_ORIGINS" in refused.body.decode()
        fields = {"url": f"{origin}/polls", "for": site, "event:poll.opened": "1"}
        added = (await admin.send("/admin/webhooks", fields)).body.decode()
        assert "whsec_" in added
        again = (await admin.get("/admin/webhooks")).body.decode()
        assert "whsec_" not in again
        [hook] = set(re.findall(r"/admin/webhooks/(\w+)/test", again))
        assert (await admin.send(f"/admin/webhooks/{hook}/test")).status == 303
        assert "ping" in (await admin.get(f"/admin/webhooks/{hook}")).body.decode()
        rotated = (await admin.send(f"/admin/webhooks/{hook}/rotate")).body.decode()
        assert re.findall(r"whsec_\S+", rotated) != re.findall(r"whsec_\S+", added)
        assert (await admin.send(f"/admin/webhooks/{hook}/remove")).status == 303
        assert "Disabled" in (await admin.get("/admin/webhooks")).body.decode()
