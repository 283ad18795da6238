-- With the id, so that the oldest traces are found and all of them are counted without reading one.
DROP INDEX traces_decided;
CREATE INDEX traces_decided ON traces (tenant, decided_at, id);
