"""Editors and their sessions."""

from typing import Any, NamedTuple

from sqlalchemy import or_, select

from pollsvc.domain.editor import Editor, Role, Session
from pollsvc.storage import schema
from pollsvc.storage.database import Connection


class Account(NamedTuple):
    """An editor with what signing in needs: the password's hash, and the failures since it last succeeded."""

    editor: Editor
    password: str
    failures: int
    failed_at: int | None


async def insert_editor(connection: Connection, editor: Editor, password: str) -> bool:
    """Insert an editor in the current `editing` transaction; False when the name is taken."""
    table = schema.editors
    if await connection.fetch(select(table.c.id).where(table.c.name == editor.name)):
        return False
    await connection.execute(
        table.insert().values(
            id=editor.id,
            name=editor.name,
            role=editor.role.value,
            password=password,
            failures=0,
            created_at=editor.created_at,
        )
    )
    return True


async def load_editor(connection: Connection, editor: str) -> Editor | None:
    """An editor by id or name."""
    table = schema.editors
    rows = await connection.fetch(table.select().where(or_(table.c.id == editor, table.c.name == editor)))
    found = sorted(map(_editor, rows), key=lambda one: one.id != editor)  # a name may be another's id
    return found[0] if found else None


async def list_editors(connection: Connection) -> list[Editor]:
    """All editors, by name."""
    return [_editor(row) for row in await connection.fetch(schema.editors.select().order_by("name"))]


async def count_admins(connection: Connection) -> int:
    """How many admins can sign in."""
    sql = "SELECT count(*) FROM editors WHERE role = 'admin' AND disabled_at IS NULL"
    return int((await connection.rows(sql))[0][0])


async def update_role(connection: Connection, editor: str, role: Role) -> None:
    """Give an editor another role."""
    await connection.rows("UPDATE editors SET role = :role WHERE id = :id", role=role.value, id=editor)


async def update_disabled(connection: Connection, editor: str, at: int | None) -> None:
    """Disable an editor, or with None enable them again."""
    await connection.execute(
        schema.editors.update().where(schema.editors.c.id == editor).values(disabled_at=at)
    )


async def update_password(connection: Connection, editor: str, password: str) -> None:
    """Write a password's hash, and forget the failures before it."""
    await connection.rows(
        "UPDATE editors SET password = :password, failures = 0, failed_at = NULL WHERE id = :id",
        password=password,
        id=editor,
    )


async def load_account(connection: Connection, name: str) -> Account | None:
    """What is needed to sign in by this name."""
    rows = await connection.fetch(schema.editors.select().where(schema.editors.c.name == name))
    if not rows:
        return None
    row = rows[0]
    return Account(_editor(row), row.password, row.failures, row.failed_at)


async def charge(connection: Connection, account: Account, failures: int, now: int) -> bool:
    """Set the count of failures; False when another attempt came in between."""
    rows = await connection.rows(
        "UPDATE editors SET failures = :failures, failed_at = :now WHERE id = :id AND failures = :known "
        "RETURNING id",
        failures=failures,
        now=now,
        id=account.editor.id,
        known=account.failures,
    )
    return bool(rows)


async def insert_session(connection: Connection, session: Session) -> None:
    """Insert a session."""
    await connection.execute(
        schema.sessions.insert().values(
            id=session.id,
            editor_id=session.editor.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
        )
    )


async def load_session(connection: Connection, session: str) -> Session | None:
    """A session with its editor, expired or not."""
    found = await _sessions(connection, schema.sessions.c.id == session)
    return found[0] if found else None


async def list_sessions(connection: Connection, editor: str) -> list[Session]:
    """An editor's sessions, the latest used first, expired ones too."""
    return await _sessions(connection, schema.sessions.c.editor_id == editor)


async def touch_session(connection: Connection, session: str, now: int) -> None:
    """Note that a session was used."""
    await connection.rows("UPDATE sessions SET seen_at = :now WHERE id = :id", now=now, id=session)


async def delete_session(connection: Connection, session: str) -> None:
    """Delete a session."""
    await connection.rows("DELETE FROM sessions WHERE id = :id", id=session)


async def delete_sessions(connection: Connection, editor: str, but: str = "") -> int:
    """Delete all of an editor's sessions but one; how many there were."""
    rows = await connection.rows(
        "DELETE FROM sessions WHERE editor_id = :editor AND id <> :but RETURNING id", editor=editor, but=but
    )
    return len(rows)


async def delete_expired(connection: Connection, seen_until: int, created_until: int) -> int:
    """Delete everybody's sessions that were last used, or made, at these times or before; how many."""
    rows = await connection.rows(
        "DELETE FROM sessions WHERE seen_at <= :seen OR created_at <= :created RETURNING id",
        seen=seen_until,
        created=created_until,
    )
    return len(rows)


async def _sessions(connection: Connection, condition: Any) -> list[Session]:
    sessions, editors = schema.sessions, schema.editors
    query = (
        select(
            editors,
            sessions.c.id.label("session_id"),
            sessions.c.created_at.label("session_created_at"),
            sessions.c.seen_at,
        )
        .join_from(sessions, editors)
        .where(condition)
        .order_by(sessions.c.seen_at.desc(), sessions.c.id)
    )
    return [
        Session(row.session_id, _editor(row), row.session_created_at, row.seen_at)
        for row in await connection.fetch(query)
    ]


def _editor(row: Any) -> Editor:
    return Editor(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        disabled=row.disabled_at is not None,
    )
