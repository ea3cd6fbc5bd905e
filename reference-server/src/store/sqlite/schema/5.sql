-- Which seed data were imported here, and whether all of them arrived. At most one row.
CREATE TABLE seed (
    plan TEXT PRIMARY KEY,
    complete INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
