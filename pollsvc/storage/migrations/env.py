"""Alembic's entry: it is always handed an open connection by `pollsvc.storage.migrate`."""

from alembic import context

from pollsvc.storage.schema_log import everything

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=everything,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
