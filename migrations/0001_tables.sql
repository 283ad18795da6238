-- One text for SQLite and PostgreSQL. Every timestamp is Unix milliseconds, every flag a BIGINT (0 or 1), every document JSON.
-- Only hashes of codes, tokens, cookies and secrets are stored. `declared = 1`: the row comes from the configuration file.

CREATE TABLE clients (
    tenant TEXT NOT NULL,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL,
    declared BIGINT NOT NULL,
    PRIMARY KEY (tenant, client_id)
);

CREATE TABLE resource_servers (
    tenant TEXT NOT NULL,
    identifier TEXT NOT NULL,
    document TEXT NOT NULL,
    declared BIGINT NOT NULL,
    PRIMARY KEY (tenant, identifier)
);

CREATE TABLE client_grants (
    tenant TEXT NOT NULL,
    client_id TEXT NOT NULL,
    audience TEXT NOT NULL,
    document TEXT NOT NULL,
    declared BIGINT NOT NULL,
    PRIMARY KEY (tenant, client_id, audience)
);

CREATE TABLE roles (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    declared BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- `email_key` and `username_key` are what logins are compared with. `declaration` is the declared user as last applied, so that
-- a restart changes nothing unless the file did; `declared_password_hash` is the same for the password.
CREATE TABLE users (
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    email_verified BIGINT NOT NULL,
    username TEXT,
    username_key TEXT,
    phone_number TEXT,
    phone_verified BIGINT NOT NULL,
    name TEXT,
    nickname TEXT,
    given_name TEXT,
    family_name TEXT,
    picture TEXT,
    blocked BIGINT NOT NULL,
    user_metadata TEXT NOT NULL,
    app_metadata TEXT NOT NULL,
    logins_count BIGINT NOT NULL,
    last_login_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    password_hash TEXT,
    last_password_reset BIGINT,
    declared BIGINT NOT NULL,
    declaration TEXT,
    declared_password_hash TEXT,
    PRIMARY KEY (tenant, user_id)
);
CREATE UNIQUE INDEX users_email ON users (tenant, email_key);
CREATE UNIQUE INDEX users_username ON users (tenant, username_key);

CREATE TABLE user_roles (
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id, role),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, user_id) ON DELETE CASCADE
);
CREATE INDEX user_roles_role ON user_roles (tenant, role);

CREATE TABLE login_transactions (
    tenant TEXT NOT NULL,
    handle_hash TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant, handle_hash)
);
CREATE INDEX login_transactions_expiry ON login_transactions (expires_at);

CREATE TABLE sessions (
    tenant TEXT NOT NULL,
    cookie_hash TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, cookie_hash)
);
CREATE UNIQUE INDEX sessions_id ON sessions (tenant, id);
CREATE INDEX sessions_user ON sessions (tenant, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_idle_expiry ON sessions (idle_expires_at);

-- `keep_until`: the end of whatever may still hang on the grant; until then a replay of a spent code or token is recognised.
CREATE TABLE grants (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT,
    document TEXT NOT NULL,
    keep_until BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX grants_client ON grants (tenant, client_id);
CREATE INDEX grants_user ON grants (tenant, user_id);
CREATE INDEX grants_session ON grants (tenant, session_id);
CREATE INDEX grants_expiry ON grants (keep_until);

CREATE TABLE authorization_codes (
    tenant TEXT NOT NULL,
    hash TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, grant_id) REFERENCES grants (tenant, id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_grant ON authorization_codes (tenant, grant_id);

CREATE TABLE refresh_tokens (
    tenant TEXT NOT NULL,
    hash TEXT NOT NULL,
    id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    idle_expires_at BIGINT,
    last_exchanged_at BIGINT,
    rotating BIGINT NOT NULL,
    initial_ip TEXT NOT NULL,
    initial_user_agent TEXT,
    spent_at BIGINT,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, grant_id) REFERENCES grants (tenant, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (tenant, grant_id);

CREATE TABLE access_tokens (
    tenant TEXT NOT NULL,
    hash TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, grant_id) REFERENCES grants (tenant, id) ON DELETE CASCADE
);
CREATE INDEX access_tokens_grant ON access_tokens (tenant, grant_id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE revoked_jtis (
    tenant TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, jti)
);
CREATE INDEX revoked_jtis_expiry ON revoked_jtis (expires_at);

CREATE TABLE used_assertions (
    tenant TEXT NOT NULL,
    client_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, client_id, jti)
);
CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);

CREATE TABLE failed_logins (
    tenant TEXT NOT NULL,
    login TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, login)
);
CREATE INDEX failed_logins_last ON failed_logins (last_at);

-- `pkcs8` and `certificate` are DER in base64.
CREATE TABLE signing_keys (
    tenant TEXT NOT NULL,
    kid TEXT NOT NULL,
    kind TEXT NOT NULL,
    pkcs8 TEXT NOT NULL,
    certificate TEXT,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (tenant, kid)
);

-- A row says that the first key of a kind was made: of several replicas that start together, one makes it.
CREATE TABLE first_signing_keys (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (tenant, kind)
);
