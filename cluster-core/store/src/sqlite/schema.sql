-- The log holds one row per write: the newest state of every object and, until compacted, the states before.
CREATE TABLE log (
    revision INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL,  -- revision of the state this one replaced, 0 if it created the object
    change INTEGER NOT NULL,    -- 0 put, 1 delete
    kept INTEGER NOT NULL,      -- whether the collection keeps history
    time INTEGER NOT NULL,      -- milliseconds since 1970
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BLOB NOT NULL
);
-- The current state: which row of the log is each object's newest.
CREATE TABLE objects (
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
-- compacted: every state replaced, and every object deleted, up to this revision is gone from the log.
-- bytes: sum of all values in the log.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    compacted INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
INSERT INTO meta VALUES (0, 0, 0);

CREATE TRIGGER put AFTER INSERT ON log WHEN NEW.change = 0 BEGIN
    INSERT OR REPLACE INTO objects VALUES (NEW.resource, NEW.namespace, NEW.name, NEW.revision);
END;
CREATE TRIGGER removed AFTER INSERT ON log WHEN NEW.change = 1 BEGIN
    DELETE FROM objects WHERE resource = NEW.resource AND namespace = NEW.namespace AND name = NEW.name;
END;
CREATE TRIGGER forgotten AFTER INSERT ON log WHEN NEW.kept = 0 AND NEW.previous > 0 BEGIN
    DELETE FROM log WHERE revision = NEW.previous;
END;
CREATE TRIGGER grown AFTER INSERT ON log BEGIN
    UPDATE meta SET bytes = bytes + length(NEW.bytes);
END;
CREATE TRIGGER shrunk AFTER DELETE ON log BEGIN
    UPDATE meta SET bytes = bytes - length(OLD.bytes);
END;
PRAGMA user_version = 1;
