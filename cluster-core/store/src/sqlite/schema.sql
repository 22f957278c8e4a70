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
-- The current state: which rows of the log are some object's newest. Small and in the order of the log, so that
-- a write touches few pages and a start reads the log from front to back.
CREATE TABLE live (revision INTEGER PRIMARY KEY);
-- compacted: every state replaced, and every object deleted, up to this revision is gone from the log.
-- bytes: sum of all values in the log.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    compacted INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
INSERT INTO meta VALUES (0, 0, 0);

CREATE TRIGGER put AFTER INSERT ON log WHEN NEW.change = 0 BEGIN
    INSERT INTO live VALUES (NEW.revision);
END;
CREATE TRIGGER replaced AFTER INSERT ON log WHEN NEW.previous > 0 BEGIN
    DELETE FROM live WHERE revision = NEW.previous;
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
