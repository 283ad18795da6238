-- From where an account has logged in: a network, or a browser by the hash of its cookie. `login` is a hash, too.
CREATE TABLE known_places (
    tenant TEXT NOT NULL,
    login TEXT NOT NULL,
    place TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, login, place)
);
CREATE INDEX known_places_last ON known_places (last_at);
