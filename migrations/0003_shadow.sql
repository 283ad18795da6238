-- What the shadow of `serve` decided otherwise about the login; empty if it did not. JSON, written after the trace itself.
ALTER TABLE traces ADD COLUMN shadow TEXT NOT NULL DEFAULT '';
