-- Written by tools/schema.py from the revisions: what they come to in an empty database.

CREATE TABLE sekisho_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT sekisho_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE users (
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    locale TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT users_email UNIQUE (email)
)
 WITHOUT ROWID;

CREATE TABLE user_roles (
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE groups (
    name TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    PRIMARY KEY (name)
)
 WITHOUT ROWID;

CREATE TABLE group_members (
    user_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    PRIMARY KEY (user_id, group_name),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY(group_name) REFERENCES groups (name) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE INDEX group_members_group_name ON group_members (group_name);

CREATE TABLE user_permissions (
    user_id TEXT NOT NULL,
    permission TEXT NOT NULL,
    effect TEXT NOT NULL,
    PRIMARY KEY (user_id, permission),
    CONSTRAINT user_permissions_effect CHECK (effect IN ('allow', 'deny')),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE group_permissions (
    group_name TEXT NOT NULL,
    permission TEXT NOT NULL,
    effect TEXT NOT NULL,
    PRIMARY KEY (group_name, permission),
    CONSTRAINT group_permissions_effect CHECK (effect IN ('allow', 'deny')),
    FOREIGN KEY(group_name) REFERENCES groups (name) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE sessions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    shard SMALLINT DEFAULT '0' NOT NULL,
    mode TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    auth_time DOUBLE NOT NULL,
    amr TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    gen BIGINT NOT NULL,
    rotated_at DOUBLE,
    fam BLOB NOT NULL,
    retry_gen BIGINT,
    retry_key BLOB,
    refresh_expires_at DOUBLE NOT NULL,
    ends_at DOUBLE NOT NULL,
    revoked_at DOUBLE,
    revoked_why TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE INDEX sessions_user_id ON sessions (user_id);

CREATE INDEX sessions_ends_at ON sessions (ends_at);

CREATE TABLE feed_head (
    shard SMALLINT NOT NULL,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (shard)
);

INSERT INTO feed_head (shard, epoch, seq) VALUES (0, 1, 0);

CREATE TABLE feed (
    shard SMALLINT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    "key" BLOB NOT NULL,
    effect TEXT NOT NULL,
    at DOUBLE NOT NULL,
    PRIMARY KEY (shard, seq)
)
 WITHOUT ROWID;

CREATE TABLE throttle (
    "key" BLOB NOT NULL,
    failures INTEGER NOT NULL,
    not_before DOUBLE NOT NULL,
    updated_at DOUBLE NOT NULL,
    PRIMARY KEY ("key")
)
 WITHOUT ROWID;

CREATE INDEX throttle_updated_at ON throttle (updated_at);

CREATE TABLE security_events (
    id TEXT NOT NULL,
    at DOUBLE NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    session_id TEXT,
    ip TEXT NOT NULL,
    request_id TEXT NOT NULL,
    about TEXT NOT NULL,
    PRIMARY KEY (id)
)
 WITHOUT ROWID;

CREATE INDEX security_events_at ON security_events (at, id);

CREATE INDEX security_events_user_id ON security_events (user_id, at, id);

CREATE TABLE signing_keys (
    kid TEXT NOT NULL,
    generation SMALLINT NOT NULL,
    alg TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (kid),
    CONSTRAINT signing_keys_generation UNIQUE (generation)
)
 WITHOUT ROWID;

INSERT INTO sekisho_version (version_num) VALUES ('0001') RETURNING version_num;

-- Running upgrade 0001 -> 0002

ALTER TABLE signing_keys ADD COLUMN signs_at DOUBLE;

CREATE TABLE retired_keys (
    thumbprint TEXT NOT NULL,
    kid TEXT NOT NULL,
    alg TEXT NOT NULL,
    at DOUBLE NOT NULL,
    compromised SMALLINT NOT NULL,
    PRIMARY KEY (thumbprint)
)
 WITHOUT ROWID;

UPDATE sekisho_version SET version_num='0002' WHERE sekisho_version.version_num = '0001';

-- Running upgrade 0002 -> 0003

ALTER TABLE feed_head ADD COLUMN timeline BIGINT;

CREATE TABLE feed_read (
    shard SMALLINT NOT NULL,
    at DOUBLE NOT NULL,
    PRIMARY KEY (shard)
);

INSERT INTO feed_read (shard, at) VALUES (0, 0.0);

UPDATE sekisho_version SET version_num='0003' WHERE sekisho_version.version_num = '0002';

-- Running upgrade 0003 -> 0004

CREATE TABLE setup_code (
    shard SMALLINT NOT NULL,
    digest BLOB NOT NULL,
    until DOUBLE NOT NULL,
    PRIMARY KEY (shard)
);

UPDATE sekisho_version SET version_num='0004' WHERE sekisho_version.version_num = '0003';

-- Running upgrade 0004 -> 0005

UPDATE users SET locale = 'und' WHERE locale = 'en';

UPDATE sekisho_version SET version_num='0005' WHERE sekisho_version.version_num = '0004';
