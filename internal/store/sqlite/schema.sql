-- One row for each session. Times are milliseconds since 1970; data is JSON text.
-- key is the SHA-256 of the session ID, in hex: the ID itself is only in the browser's
-- cookie. A marker says that an ID has ended. The marker whose key is 64 zeros is for no
-- ID: its expiry is the latest expiry of the markers that were removed.
CREATE TABLE sessions(
  key     TEXT    NOT NULL PRIMARY KEY CHECK (length(key) = 64),
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  data    TEXT    NOT NULL,
  marker  INTEGER NOT NULL CHECK (marker IN (0, 1))
) STRICT;

CREATE INDEX sessions_expiry ON sessions(marker, expires);

-- The letters "SScp", and the number of this schema.
PRAGMA application_id = 1397973872;
PRAGMA user_version = 1;
