def test_smoke(staff, market, stall):
    b = staff(
        "stalls.view",
        "members.view",
        "plugins.view",
        "audit.view",
        "jobs.view",
        "staff.view",
        "staff.edit",
        "venues.view",
    )
    k = stall("A", market["east"])
    for p in [
        "/console",
        "/console/stalls/stalls",
        f"/console/stalls/stalls/{k}",
        "/console/core/members",
        "/console/core/plugins",
        "/console/core/plugins/stalls",
        "/console/core/audit",
        "/console/core/jobs",
        "/console/core/staff",
        "/console/core/roles",
        "/console/core/roles/new",
        "/console/core/staff/new",
        "/console/core/keys",
        "/console/core/keys/new",
        "/console/core/venues",
        "/console/core/approvals",
        "/console/password",
        "/console/panels/core/members",
        "/console/stalls/map?corner=x",
        "/console/static/console.css",
    ]:
        r = b.get(p)
        print(p, r.status_code, len(r.text))
        assert r.status_code == 200, p + chr(10) + __import__("re").sub("<[^>]*>", " ", r.text)[-600:]
