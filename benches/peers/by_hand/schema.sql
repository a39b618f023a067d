-- The tables of the checkout by hand. The unique key contains the guest, as in the design that it follows.
CREATE TABLE offers (
    id text PRIMARY KEY,
    name text NOT NULL,
    minutes integer NOT NULL,
    amount integer NOT NULL,
    currency text NOT NULL
);

CREATE TABLE holds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    offer text NOT NULL REFERENCES offers (id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    email text NOT NULL,
    is_paid boolean NOT NULL DEFAULT false,
    -- 'infinity' once the hold is paid.
    expires_at timestamptz NOT NULL,
    session text NOT NULL UNIQUE,
    intent text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (offer, starts_at, email)
);

CREATE INDEX holds_by_expiry ON holds (expires_at) WHERE NOT is_paid;

INSERT INTO offers (id, name, minutes, amount, currency)
SELECT 'call-' || number, 'Call', 30, 5000, 'eur' FROM generate_series(0, 15) AS number;
