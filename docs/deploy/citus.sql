-- Distributes the tables of pollsvc by poll on Citus: once, on the coordinator, after `pollsvc migrate` and before
-- there is a poll. docs/scale.md says why each table is what it is.
BEGIN;
SET LOCAL client_min_messages = warning;
-- Citus takes no key from a table that is not distributed yet to one that is: they come back below.
ALTER TABLE options DROP CONSTRAINT fk_options_poll_id;
ALTER TABLE placements DROP CONSTRAINT fk_placements_poll_id;
ALTER TABLE poll_history DROP CONSTRAINT fk_poll_history_poll_id;

SELECT create_reference_table('sites');

SELECT create_distributed_table('polls', 'id');
SELECT create_distributed_table('options', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('placements', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('poll_history', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('ballots', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('tally', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('poll_versions', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('past_leaves', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('unsealed', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('alerts', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('watches', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('published', 'poll_id', colocate_with => 'polls');
SELECT create_distributed_table('published_parts', 'poll_id', colocate_with => 'polls');

ALTER TABLE options ADD CONSTRAINT fk_options_poll_id FOREIGN KEY (poll_id) REFERENCES polls (id);
ALTER TABLE placements ADD CONSTRAINT fk_placements_poll_id FOREIGN KEY (poll_id) REFERENCES polls (id);
ALTER TABLE poll_history ADD CONSTRAINT fk_poll_history_poll_id FOREIGN KEY (poll_id) REFERENCES polls (id);

-- The others stay tables of the coordinator: images, editors, sessions, api_keys, audit_log, webhooks, outbox,
-- log_runs, log_tiles, checkpoints, log_keys, salts, alembic_version.
COMMIT;
