-- One log: what follows is made in a schema of its own, which is the search path while this file runs.

CREATE TABLE log (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    vkey text NOT NULL,
    entries_per_partition bigint NOT NULL CHECK (entries_per_partition > 0)
);

-- How far the log has come. Whoever adds entries moves it from the size and root that they built upon, or fails.
-- Entries below `confirmed` are known to have reached the quorum; others may be visible before that is known.
CREATE TABLE head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    confirmed bigint NOT NULL CHECK (confirmed BETWEEN 0 AND size)
) WITH (fillfactor = 10);

CREATE TABLE entries (
    idx bigint PRIMARY KEY CHECK (idx >= 0),
    entry bytea NOT NULL CHECK (octet_length(entry) IN (129, 73, 33))
) PARTITION BY RANGE (idx);
CREATE INDEX heads ON entries (idx) WHERE octet_length(entry) = 73;

CREATE TABLE published (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    idx bigint NOT NULL CHECK (idx >= 0)
);

CREATE TABLE broken (
    seal bytea PRIMARY KEY CHECK (octet_length(seal) = 32),
    idx bigint NOT NULL CHECK (idx >= 0)
);
CREATE INDEX breaks ON broken (idx);

CREATE TABLE tiles (
    level integer NOT NULL,
    idx bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (level, idx)
);
ALTER TABLE tiles ALTER hashes SET STORAGE EXTERNAL;  -- hashes do not shrink

CREATE TABLE checkpoints (size bigint PRIMARY KEY, note text NOT NULL);

-- The newest of them with its cosignatures, of which there will be newer ones.
CREATE TABLE cosigned (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL REFERENCES checkpoints,
    note text NOT NULL
);

-- What waits for its place, and what got none of its own. Nothing here was acknowledged, so a crash may empty
-- both: who still waits sends again, and what is sent twice is kept once.
CREATE UNLOGGED TABLE pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node bigint NOT NULL,
    ticket bigint NOT NULL,
    entry bytea NOT NULL CHECK (octet_length(entry) IN (129, 33))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE UNLOGGED TABLE answers (
    node bigint NOT NULL,
    ticket bigint NOT NULL,
    place bigint,
    refused text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node, ticket),
    CHECK (num_nonnulls(place, refused) = 1)
);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: append-only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION check_order() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint;
    last bigint;
    many bigint;
BEGIN
    SELECT min(idx), max(idx), count(*) INTO first, last, many FROM added;
    IF many > 0 AND (last - first + 1 <> many
                     OR first > 0 AND NOT EXISTS (SELECT FROM entries WHERE idx = first - 1)) THEN
        RAISE EXCEPTION 'entries come in order';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION check_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.size = OLD.size AND NEW.root <> OLD.root THEN
        RAISE EXCEPTION 'head: append-only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER grows BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION check_head();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON head EXECUTE FUNCTION refuse();
CREATE TRIGGER in_order AFTER INSERT ON entries REFERENCING NEW TABLE AS added EXECUTE FUNCTION check_order();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON log EXECUTE FUNCTION refuse();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON entries EXECUTE FUNCTION refuse();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON published EXECUTE FUNCTION refuse();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON broken EXECUTE FUNCTION refuse();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON tiles EXECUTE FUNCTION refuse();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints EXECUTE FUNCTION refuse();

-- Partitions are made ahead, by whoever sequences, with the owner's rights. Attaching one does not keep readers out.
-- Triggers of a statement are not inherited: a partition that is addressed by its own name has its own.
CREATE FUNCTION make_partition(number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part text := 'entries_' || number;
    width bigint := (SELECT entries_per_partition FROM log);
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE entries INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE entries ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                   part, number * width, (number + 1) * width);
    EXECUTE format('CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON %I EXECUTE FUNCTION refuse()', part);
    EXECUTE format('CREATE TRIGGER in_order AFTER INSERT ON %I REFERENCING NEW TABLE AS added'
                   ' EXECUTE FUNCTION check_order()', part);
END $$;
REVOKE EXECUTE ON FUNCTION make_partition FROM PUBLIC;
