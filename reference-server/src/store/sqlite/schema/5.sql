-- Few posts are about games: the index costs little, and the end of a game must not read all posts. Unique, like
-- all that are not declared.
CREATE UNIQUE INDEX posts_by_game ON posts (json_extract(game, '$.roomId'), id) WHERE game IS NOT NULL;

-- Which seed data were imported here, and whether all of them arrived. At most one row.
CREATE TABLE seed (
    plan TEXT PRIMARY KEY,
    complete INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
