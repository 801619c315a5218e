"""Core's own endpoints: a member's `/v1/me…`, and what staff and integration keys do below `/admin/v1`."""

from hosts.rest.core_api import audit, credits, jobs, me, members, plugins, points, rewards, sessions, staff

GROUPS = (
    me.group,
    sessions.member,
    sessions.public,
    sessions.staff,
    members.group,
    points.group,
    credits.group,
    rewards.group,
    plugins.group,
    staff.group,
    audit.group,
    jobs.group,
)
