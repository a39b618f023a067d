-- The books of Holdfast on PostgreSQL. The rules of the program stand here again as constraints, so that neither a bug
-- nor a hand-written statement can break them. migrations/sqlite has the same file with the same names.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- One row: which installation these books belong to. Its id goes into the metadata of every session, so that two
-- installations on one Stripe account leave each other's money alone.
CREATE TABLE installation (
    id    text    PRIMARY KEY,
    alone boolean NOT NULL DEFAULT true CONSTRAINT installation_alone UNIQUE CHECK (alone)
);
INSERT INTO installation (id) VALUES (replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE resources (
    id          text        PRIMARY KEY,
    created_at  timestamptz NOT NULL
);

CREATE TABLE event_types (
    id               text        PRIMARY KEY,
    seq              bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    name             text        NOT NULL,
    resource_id      text        NOT NULL REFERENCES resources (id),
    duration_minutes integer     NOT NULL CONSTRAINT event_types_duration CHECK (duration_minutes BETWEEN 1 AND 10080),
    amount           bigint      NOT NULL CONSTRAINT event_types_amount CHECK (amount BETWEEN 1 AND 99999999),
    currency         text        NOT NULL CONSTRAINT event_types_currency CHECK (currency ~ '^[a-z]{3}$'),
    -- Stripe's names of the methods that a guest may pay with, comma-separated; empty: all that the account allows.
    payment_methods  text        NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);

-- One row a checkout, written before Stripe is called: what a crash leaves behind is found here.
CREATE TABLE checkout_attempts (
    hold_id         uuid        PRIMARY KEY,
    -- Unique while it names an attempt that runs or holds a slot; moved on to the next attempt after that.
    idempotency_key text        CONSTRAINT checkout_attempts_key UNIQUE,
    fingerprint     text        NOT NULL,
    state           text        NOT NULL
        CONSTRAINT checkout_attempts_state CHECK (state IN ('running', 'placed', 'lost', 'abandoned', 'unsettled')),
    -- The session's exact parameters: a repeat with the same Stripe key must send the same ones. Dropped when the
    -- attempt is over, because they hold the guest's address.
    terms           jsonb,
    tries           integer     NOT NULL DEFAULT 0,
    due_at          timestamptz,
    leased_until    timestamptz,
    claimed_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CONSTRAINT checkout_attempts_terms CHECK ((terms IS NOT NULL) = (state IN ('running', 'unsettled')))
);
CREATE INDEX checkout_attempts_open ON checkout_attempts (claimed_at) WHERE state IN ('running', 'unsettled');
CREATE INDEX checkout_attempts_over ON checkout_attempts (ended_at) WHERE state IN ('placed', 'lost', 'abandoned');

CREATE TABLE holds (
    id                 uuid        PRIMARY KEY,
    event_type_id      text        NOT NULL,
    -- What the guest sees: the first segment. All of them are in `segments`, what is busy now in `occupancy`.
    resource_id        text        NOT NULL,
    starts_at          timestamptz NOT NULL,
    ends_at            timestamptz NOT NULL,
    segments           jsonb       NOT NULL,
    status             text        NOT NULL
        CONSTRAINT holds_status CHECK (status IN ('held', 'processing', 'confirmed', 'released', 'cancelled')),
    reason             text,
    asked_by           text        CONSTRAINT holds_asked_by CHECK (asked_by IN ('guest', 'operator')),
    amount             bigint      NOT NULL CONSTRAINT holds_amount CHECK (amount > 0),
    currency           text        NOT NULL,
    session_id         text        NOT NULL CONSTRAINT holds_session UNIQUE,
    intent_id          text,
    checkout_url       text        NOT NULL,
    price_mismatch     boolean     NOT NULL DEFAULT false,
    -- Whether money for it is here: kept in step with `payments` by a trigger, so that what is wrong can be counted by
    -- small indexes, however many holds there ever were. `gone`: it was here and went back, by a refund or a lost
    -- dispute; a hold that stays confirmed then does so because the shop wants that.
    funds              text        NOT NULL DEFAULT 'none'
        CONSTRAINT holds_funds CHECK (funds IN ('none', 'paid', 'disputed', 'gone')),
    -- Null once the guest is forgotten.
    guest_email        text,
    guest_name         text,
    metadata           jsonb       NOT NULL,
    expires_at         timestamptz NOT NULL,
    session_expires_at timestamptz NOT NULL,
    due_at             timestamptz,
    tries              integer     NOT NULL DEFAULT 0,
    leased_until       timestamptz,
    version            bigint      NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT holds_window CHECK (starts_at < ends_at),
    -- coalesce: a CHECK that comes out as null passes.
    CONSTRAINT holds_reason CHECK (coalesce(
        CASE status
            WHEN 'released'  THEN reason IN ('expired', 'guest', 'payment_failed', 'operator', 'late_payment_refunded')
            WHEN 'cancelled' THEN reason IN ('guest', 'operator', 'refunded')
            ELSE reason IS NULL
        END, false)),
    -- Only a hold that still waits for Stripe is ever due.
    CONSTRAINT holds_due CHECK ((due_at IS NOT NULL) = (status IN ('held', 'processing')))
);
CREATE INDEX holds_due_at ON holds (due_at) WHERE status IN ('held', 'processing');
CREATE INDEX holds_overdue ON holds (expires_at) WHERE status = 'held';
CREATE INDEX holds_slot_without_money ON holds (id) WHERE status = 'confirmed' AND funds = 'none';
CREATE INDEX holds_money_without_slot ON holds (id) WHERE status IN ('released', 'cancelled') AND funds = 'paid';
-- What is still to be forgotten, by when: it shrinks as the sweep forgets.
CREATE INDEX holds_to_forget ON holds (updated_at) WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL;
CREATE INDEX holds_intent ON holds (intent_id) WHERE intent_id IS NOT NULL;
CREATE INDEX holds_newest ON holds (created_at DESC, id DESC);

-- I1: which resource is busy when. A row exists only while its hold is live, so giving a slot back is a delete and
-- getting it back is the same insert again.
CREATE TABLE occupancy (
    hold_id     uuid      NOT NULL REFERENCES holds (id),
    resource_id text      NOT NULL,
    during      tstzrange NOT NULL CONSTRAINT occupancy_window CHECK (NOT isempty(during)),
    CONSTRAINT occupancy_one_buyer EXCLUDE USING gist (resource_id WITH =, during WITH &&)
);
CREATE INDEX occupancy_hold ON occupancy (hold_id);

CREATE TABLE hold_history (
    seq         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hold_id     uuid        NOT NULL REFERENCES holds (id),
    at          timestamptz NOT NULL,
    from_status text,
    from_reason text,
    to_status   text        NOT NULL,
    to_reason   text,
    why         text        NOT NULL,
    actor       text        NOT NULL
        CONSTRAINT hold_history_actor CHECK (actor IN ('checkout', 'event', 'sweep', 'guest', 'operator', 'command')),
    event_id    text
);
CREATE INDEX hold_history_hold ON hold_history (hold_id, seq);

-- Money that came in. One without a hold belongs to nobody we know, and goes back.
CREATE TABLE payments (
    intent_id   text        PRIMARY KEY,
    hold_id     uuid        REFERENCES holds (id),
    -- The hold that the payment's metadata named, where there is no such hold.
    claimed_hold uuid,
    amount      bigint      NOT NULL CONSTRAINT payments_amount CHECK (amount >= 0),
    currency    text        NOT NULL,
    refunded    bigint      NOT NULL DEFAULT 0 CONSTRAINT payments_refunded CHECK (refunded >= 0),
    state       text        NOT NULL
        CONSTRAINT payments_state CHECK (state IN ('paid', 'refund_due', 'refunded', 'refund_failed', 'disputed')),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX payments_hold ON payments (hold_id);
CREATE INDEX payments_open ON payments (state) WHERE state IN ('refund_due', 'refund_failed');

CREATE FUNCTION payments_funds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN bool_or(state = 'paid') THEN 'paid' WHEN bool_or(state = 'disputed') THEN 'disputed'
                    WHEN bool_or(state IN ('refunded', 'refund_failed')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_funds AFTER INSERT OR UPDATE OF state, hold_id ON payments
    FOR EACH ROW WHEN (NEW.hold_id IS NOT NULL) EXECUTE FUNCTION payments_funds();

-- Webhook events that were applied: each once.
CREATE TABLE stripe_events (
    id         text        PRIMARY KEY,
    seq        bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT stripe_events_seq UNIQUE,
    kind       text        NOT NULL,
    hold_id    uuid,
    -- Null once it is forgotten: the id stays for a while, so that a repeat is known as one.
    payload    text,
    applied_at timestamptz NOT NULL
);
CREATE INDEX stripe_events_hold ON stripe_events (hold_id, seq) WHERE hold_id IS NOT NULL;
-- What is still to be forgotten, by when: first the bodies, then the ids.
CREATE INDEX stripe_events_kept ON stripe_events (applied_at) WHERE payload IS NOT NULL;
CREATE INDEX stripe_events_emptied ON stripe_events (applied_at) WHERE payload IS NULL;

-- The outbox: what Stripe must be told is a row before it is a call.
CREATE TABLE commands (
    id           uuid        PRIMARY KEY,
    -- Two orders with the same key are the same order.
    order_key    text        NOT NULL CONSTRAINT commands_order_key UNIQUE,
    kind         text        NOT NULL CONSTRAINT commands_kind CHECK (kind IN ('expire_session', 'refund')),
    hold_id      uuid,
    session_id   text,
    intent_id    text,
    amount       bigint,
    currency     text,
    tries        integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    leased_until timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL,
    done_at      timestamptz,
    -- coalesce: a CHECK that comes out as null passes.
    CONSTRAINT commands_target CHECK (coalesce(
        CASE kind
            WHEN 'expire_session' THEN session_id IS NOT NULL
            ELSE intent_id IS NOT NULL AND amount > 0 AND currency IS NOT NULL
        END, false))
);
CREATE INDEX commands_due ON commands (due_at) WHERE done_at IS NULL;
CREATE INDEX commands_newest ON commands (created_at DESC, id DESC);
