"""What admins do."""

from typing import Literal
from uuid import UUID

from litestar import put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from soundgraph.application.identity import ChangeRole
from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import Role
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.policies import BODY, member_route
from soundgraph.entrypoints.http.services import Use


class RoleInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What someone is to be."""

    role: Literal["member", "moderator", "admin"]


@put("/admin/users/{user_id:uuid}/role", **member_route(ChangeRole, *BODY, NotFound, Conflict), status_code=204)
async def change_role(user_id: FromPath[UUID], data: JSONBody[RoleInput], actor: CurrentActor, use: Use) -> None:
    """Give a role."""
    await use(ChangeRole)(actor=actor, account_id=AccountId(user_id), role=Role(data.role))


ROUTES = (change_role,)
