"""How Alembic runs here: on the caller's connection and inside the caller's transaction."""

from alembic import context

from gate_app.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
