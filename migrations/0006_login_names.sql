-- Users whose login names go beyond ASCII: what these are compared by is made anew at the first start after this
-- (RFC 8265 section 3.3), which empties the table.
CREATE TABLE users_to_rekey (
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
INSERT INTO users_to_rekey (tenant, user_id)
SELECT tenant, user_id FROM users
WHERE octet_length(email_key) > length(email_key) OR octet_length(username_key) > length(username_key);
