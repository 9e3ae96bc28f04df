-- Roles of a ledger's server and the database, made once by the superuser on the (first) server:
--   psql -f passwords.sql -f roles.sql
-- passwords.sql is a file of yours (mode 0600, gone afterwards) with five lines like
--   \set owner 'a long random word'          and writer, reader, replication, failover
-- The tables and who may do what with them: plomba-gateway database init.
\set ON_ERROR_STOP on
-- On a cluster that waits for standbys which do not exist yet, nothing else would ever commit.
SET synchronous_commit = local;

-- Owns the ledger's tables and migrates them; only plomba-gateway database comes as it.
CREATE ROLE plomba_owner LOGIN PASSWORD :'owner';
-- The gateway and its collectors; and pages, exports, the pull API.
CREATE ROLE plomba_writer LOGIN PASSWORD :'writer';
CREATE ROLE plomba_reader LOGIN PASSWORD :'reader';
CREATE DATABASE plomba OWNER plomba_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE plomba FROM PUBLIC;
GRANT CONNECT ON DATABASE plomba TO plomba_writer, plomba_reader;

-- Standbys stream with it, and pg_rewind reads files with it (rejoin.sh). Whoever has its password
-- can copy the whole ledger.
CREATE ROLE plomba_replication LOGIN REPLICATION PASSWORD :'replication';
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean),
    pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean)
    TO plomba_replication;

-- What failover.sh and rejoin.sh do, and nothing else: it sees no reading.
CREATE ROLE plomba_failover LOGIN PASSWORD :'failover' IN ROLE pg_monitor, pg_checkpoint;
GRANT ALTER SYSTEM ON PARAMETER primary_conninfo TO plomba_failover;
GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), pg_reload_conf() TO plomba_failover;
