-- Decisions as `vestibule traces`, `why` and `replay` read them: redacted before they come here, gone when `expires_at` has
-- passed or newer ones need the place. `user_id` is empty for machines; `document` is JSON.
CREATE TABLE traces (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX traces_decided ON traces (tenant, decided_at);
CREATE INDEX traces_expiry ON traces (expires_at);
