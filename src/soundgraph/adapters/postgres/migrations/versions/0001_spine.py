"""The spine: identity, people, tracks, likes, events and deliveries, timelines, and the visibility rule."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE accounts (
    id uuid CONSTRAINT accounts_pkey PRIMARY KEY,
    email text NOT NULL CONSTRAINT accounts_email_key UNIQUE,
    handle text NOT NULL CONSTRAINT accounts_handle_key UNIQUE,
    password_hash text,
    role text NOT NULL CONSTRAINT accounts_role_check CHECK (role IN ('member', 'moderator', 'admin')),
    standing text NOT NULL CONSTRAINT accounts_standing_check CHECK (standing IN ('active', 'suspended', 'deleted')),
    plan text NOT NULL,
    created_at timestamptz NOT NULL,
    version integer NOT NULL
);

CREATE TABLE registrations (
    id uuid CONSTRAINT registrations_pkey PRIMARY KEY,
    email text NOT NULL,
    handle text NOT NULL,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    token_digest bytea NOT NULL CONSTRAINT registrations_token_digest_key UNIQUE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_registrations_email ON registrations (email);
CREATE INDEX ix_registrations_handle ON registrations (handle);
CREATE INDEX ix_registrations_expires_at ON registrations (expires_at);

CREATE TABLE handles (
    handle text CONSTRAINT handles_pkey PRIMARY KEY,
    account_id uuid,
    registration_id uuid CONSTRAINT handles_registration_id_fkey REFERENCES registrations ON DELETE CASCADE
);
CREATE INDEX ix_handles_account_id ON handles (account_id);
CREATE INDEX ix_handles_registration_id ON handles (registration_id);

CREATE TABLE session_families (
    id uuid CONSTRAINT session_families_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT session_families_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    generation integer NOT NULL,
    device text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    version integer NOT NULL
);
CREATE INDEX ix_session_families_account_id ON session_families (account_id);
CREATE INDEX ix_session_families_expires_at ON session_families (expires_at);

CREATE TABLE profiles (
    id uuid CONSTRAINT profiles_pkey PRIMARY KEY
        CONSTRAINT profiles_id_fkey REFERENCES accounts ON DELETE CASCADE,
    handle text NOT NULL CONSTRAINT profiles_handle_key UNIQUE,
    display_name text NOT NULL,
    bio text NOT NULL,
    city text NOT NULL,
    country_code text,
    links text[] NOT NULL,
    version integer NOT NULL
);

CREATE TABLE follows (
    follower uuid NOT NULL CONSTRAINT follows_follower_fkey REFERENCES accounts ON DELETE CASCADE,
    followee uuid NOT NULL CONSTRAINT follows_followee_fkey REFERENCES accounts ON DELETE CASCADE,
    at timestamptz NOT NULL,
    CONSTRAINT follows_pkey PRIMARY KEY (follower, followee)
);
CREATE INDEX follows_followers_idx ON follows (followee, at DESC, follower DESC);
CREATE INDEX follows_followings_idx ON follows (follower, at DESC, followee DESC);
CREATE INDEX follows_fans_idx ON follows (followee, follower);

CREATE TABLE blocks (
    blocker uuid NOT NULL CONSTRAINT blocks_blocker_fkey REFERENCES accounts ON DELETE CASCADE,
    blocked uuid NOT NULL CONSTRAINT blocks_blocked_fkey REFERENCES accounts ON DELETE CASCADE,
    at timestamptz NOT NULL,
    CONSTRAINT blocks_pkey PRIMARY KEY (blocker, blocked)
);
CREATE INDEX blocks_listed_idx ON blocks (blocker, at DESC, blocked DESC);
CREATE INDEX blocks_blocked_idx ON blocks (blocked);

CREATE TABLE uploads (
    id uuid CONSTRAINT uploads_pkey PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT uploads_owner_id_fkey REFERENCES accounts ON DELETE CASCADE,
    key text NOT NULL,
    filename text NOT NULL,
    size_bytes bigint,
    sha256 text,
    expires_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX ix_uploads_owner_id ON uploads (owner_id);
CREATE INDEX uploads_unfinished_idx ON uploads (expires_at) WHERE sha256 IS NULL;

CREATE TABLE tracks (
    id uuid CONSTRAINT tracks_pkey PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT tracks_owner_id_fkey REFERENCES accounts ON DELETE CASCADE,
    permalink text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    genre text NOT NULL,
    tags text[] NOT NULL,
    license text NOT NULL,
    audience text NOT NULL CONSTRAINT tracks_audience_check CHECK (audience IN ('private', 'scheduled', 'public')),
    standing text NOT NULL CONSTRAINT tracks_standing_check CHECK (standing IN ('ok', 'hidden', 'removed')),
    downloadable boolean NOT NULL,
    comments_enabled boolean NOT NULL,
    embeddable boolean NOT NULL,
    live_id uuid,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    version integer NOT NULL,
    CONSTRAINT tracks_permalink_key UNIQUE (owner_id, permalink)
);
CREATE INDEX tracks_published_idx ON tracks (owner_id, published_at DESC, id DESC) WHERE published_at IS NOT NULL;
CREATE INDEX tracks_owned_idx ON tracks (owner_id, created_at DESC, id DESC);

CREATE TABLE revisions (
    id uuid CONSTRAINT revisions_pkey PRIMARY KEY,
    track_id uuid NOT NULL CONSTRAINT revisions_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    upload_id uuid NOT NULL CONSTRAINT revisions_upload_id_key UNIQUE,
    number integer NOT NULL,
    sha256 text NOT NULL,
    quarantine_key text NOT NULL,
    state text NOT NULL
        CONSTRAINT revisions_state_check CHECK (state IN ('received', 'processing', 'ready', 'failed')),
    analysis jsonb,
    renditions jsonb NOT NULL,
    failure jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT revisions_number_key UNIQUE (track_id, number)
);

CREATE TABLE likes (
    account_id uuid NOT NULL CONSTRAINT likes_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    track_id uuid NOT NULL CONSTRAINT likes_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    at timestamptz NOT NULL,
    CONSTRAINT likes_pkey PRIMARY KEY (account_id, track_id)
);
CREATE INDEX likes_likers_idx ON likes (track_id, at DESC, account_id DESC);
CREATE INDEX likes_liked_idx ON likes (account_id, at DESC, track_id DESC);

CREATE TABLE counters (
    id uuid CONSTRAINT counters_pkey PRIMARY KEY,
    followers integer NOT NULL DEFAULT 0,
    followings integer NOT NULL DEFAULT 0,
    tracks integer NOT NULL DEFAULT 0,
    likes integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE TABLE events (
    id uuid CONSTRAINT events_pkey PRIMARY KEY,
    name text NOT NULL,
    key text NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_events_at ON events (at);

CREATE TABLE deliveries (
    event_id uuid NOT NULL CONSTRAINT deliveries_event_id_fkey REFERENCES events ON DELETE CASCADE,
    subscriber text NOT NULL,
    due timestamptz NOT NULL,
    attempts integer NOT NULL,
    budget integer NOT NULL,
    error text NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (event_id, subscriber)
);
CREATE INDEX ix_deliveries_due ON deliveries (due);

CREATE TABLE timelines (
    stream text NOT NULL,
    key text NOT NULL,
    sort timestamptz NOT NULL,
    about text NOT NULL,
    body jsonb NOT NULL,
    CONSTRAINT timelines_pkey PRIMARY KEY (stream, key)
);
CREATE INDEX timelines_page_idx ON timelines (stream, sort DESC, key DESC);
CREATE INDEX timelines_about_idx ON timelines (about, stream);

CREATE UNLOGGED TABLE progress (
    revision_id uuid CONSTRAINT progress_pkey PRIMARY KEY,
    stage text NOT NULL,
    percent smallint NOT NULL
)
"""

# The same truth as soundgraph.domain.visibility.may_see. Each argument stands once in the body, which lets the planner
# inline it into every query that asks.
MAY_SEE = """
CREATE FUNCTION may_see(
    standing text, owner_standing text, audience text, parent_visible boolean, blocked boolean,
    is_owner boolean, granted boolean, viewer_role text
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT viewer_role IN ('moderator', 'admin')
        OR (standing = 'ok' AND owner_standing = 'active' AND parent_visible AND NOT blocked
            AND (audience = 'public' OR coalesce(is_owner, false) OR coalesce(granted, false)))
$$
"""

NAMES = (
    "progress timelines deliveries events counters likes revisions tracks uploads blocks follows profiles "
    "session_families handles registrations accounts"
)


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    op.execute(MAY_SEE)


def downgrade() -> None:
    op.execute("DROP FUNCTION may_see")
    for name in NAMES.split():
        op.execute(f"DROP TABLE {name}")
