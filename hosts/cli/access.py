"""Verbs about who may come in: staff accounts, integration keys, and for development any member."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hosts.cli.session import note, open_tenant

if TYPE_CHECKING:
    from core.registry.registry import Registry

staff = typer.Typer(help="Accounts of the console.", no_args_is_help=True, rich_markup_mode=None)
keys = typer.Typer(help="Keys with which other systems call us.", no_args_is_help=True, rich_markup_mode=None)
members = typer.Typer(help="Members, for development.", no_args_is_help=True, rich_markup_mode=None)
OWNER = "owner"

Tenant = Annotated[str, typer.Option(help="The tenant's slug.")]


@staff.callback()
def _staff() -> None:
    """Accounts of the console."""


@staff.command("create")
def create_staff(
    username: Annotated[str, typer.Argument(help="What they sign in with.")],
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="Their name; default the username.")] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Codes of roles; default 'owner', which holds every permission.")
    ] = None,
    venue: Annotated[list[str] | None, typer.Option(help="Codes of the venues they are held to; default all.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
) -> None:
    """Create an account; asks for its password twice."""
    from core import identity, tenants
    from core.runtime import runtime_of

    with open_tenant(tenant, "staff create") as ctx:
        password = sys.stdin.readline().rstrip("\n") if password_stdin else _ask_password()
        with ctx.transaction():
            if not role:
                identity.save_role(ctx, OWNER, "所有者", sorted(_every_permission(runtime_of(ctx).registry)))
            venues = tuple(tenants.venue(ctx, code).id for code in venue or ())
            identity.create_staff(ctx, username, password, name or username, role or [OWNER], venues)
        print(f"{username} may sign in at /console as {', '.join(role or [OWNER])}")


@keys.callback()
def _keys() -> None:
    """Keys with which other systems call us."""


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Which system will use it.")],
    tenant: Tenant,
    permission: Annotated[list[str], typer.Option(help="What it may do; repeat it. See: roost plugins list --json")],
    venue: Annotated[list[str] | None, typer.Option(help="Codes of the venues it is held to; default all.")] = None,
) -> None:
    """Create a key and print its token, which is not shown again."""
    from core import identity, tenants
    from core.errors import Invalid
    from core.runtime import runtime_of

    with open_tenant(tenant, "keys create") as ctx:
        unknown = sorted(set(permission) - _every_permission(runtime_of(ctx).registry))
        if unknown:
            raise Invalid(f"there is no permission {', '.join(unknown)}", f"没有权限：{', '.join(unknown)}")
        with ctx.transaction():
            venues = tuple(tenants.venue(ctx, code).id for code in venue or ())
            _, token = identity.create_key(ctx, name, permission, venues)
        note("keep this token: it is stored as a hash and cannot be shown again")
        print(token)


@members.callback()
def _members() -> None:
    """Members, for development."""


@members.command("token")
def member_token(
    phone: Annotated[str, typer.Argument(help="Their phone; an unknown one registers as a new lead.")],
    tenant: Tenant,
) -> None:
    """Sign in as a member and print the token: `curl -H "Authorization: Bearer …"`. Needs ROOST_DEVELOPMENT=1."""
    from core import identity
    from core import members as people
    from core.errors import ConfigurationError

    with open_tenant(tenant, "members token") as ctx:
        if not ctx.deployment.development:
            raise ConfigurationError(
                "this would sign in as somebody without asking them: set ROOST_DEVELOPMENT=1 where there are no real"
                " members",
                "该命令会以会员身份登录：仅可在没有真实会员的环境设置 ROOST_DEVELOPMENT=1 后使用",
            )
        with ctx.transaction():
            member, new = people.register(ctx, channel="development", phone=phone)
            token = identity.open_session(ctx, "member", member.id, device="roost members token")
            ctx.audit("identity.development_token", str(member.id), {"new": new})
        note(f"{'a new member' if new else 'a known member'}, signed in for 30 days from the last use")
        print(token)


def _ask_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _every_permission(registry: "Registry") -> set[str]:
    from core.identity.permissions import CORE_PERMISSIONS

    return {*CORE_PERMISSIONS, *(code for m in registry.manifests() for code in m.permissions)}
