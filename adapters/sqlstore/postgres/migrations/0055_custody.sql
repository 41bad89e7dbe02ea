-- Which object store is this database's own: both tell the id. There is one row at most.
CREATE TABLE installation (
    one    smallint NOT NULL,
    id     text COLLATE "C" NOT NULL,
    stored boolean NOT NULL,
    CONSTRAINT installation_pkey PRIMARY KEY (one),
    CONSTRAINT installation_one CHECK (one = 1)
);

-- A database that is in use has its store already, which is told the id at the next start.
INSERT INTO installation (one, id, stored) SELECT 1, replace(gen_random_uuid()::text, '-', ''), false WHERE EXISTS (SELECT 1 FROM projects);

-- Objects of the store that nobody needs, since when that was first seen.
CREATE TABLE stray_objects (
    object text COLLATE "C" NOT NULL,
    since  timestamptz NOT NULL,
    CONSTRAINT stray_objects_pkey PRIMARY KEY (object)
);
