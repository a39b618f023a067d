SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';
CREATE FUNCTION public.holds_counted_out() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE guests SET held = greatest(held - 1, 0) WHERE email = OLD.guest_id;
    UPDATE clients SET held = greatest(held - 1, 0),
        lapses = CASE WHEN NEW.status = 'released' AND NEW.reason = 'expired' THEN lapses + 1 ELSE 0 END,
        lapsed_at = NEW.updated_at, updated_at = NEW.updated_at
    WHERE id = OLD.client_id;
    RETURN NULL;
END $$;
CREATE FUNCTION public.payments_funds() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN bool_or(state = 'paid') THEN 'paid' WHEN bool_or(state = 'disputed') THEN 'disputed'
                    WHEN bool_or(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
    RETURN NULL;
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.blocks (
    resource_id text NOT NULL,
    id text NOT NULL,
    from_feed boolean NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    note text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT blocks_window CHECK ((starts_at < ends_at))
);
CREATE TABLE public.calendar_feeds (
    resource_id text NOT NULL,
    url text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    read_at timestamp with time zone,
    fault text,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.checkout_attempts (
    hold_id uuid NOT NULL,
    idempotency_key text,
    fingerprint text NOT NULL,
    state text NOT NULL,
    terms jsonb,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    leased_until timestamp with time zone,
    claimed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT checkout_attempts_state CHECK ((state = ANY (ARRAY['running'::text, 'placed'::text, 'lost'::text, 'abandoned'::text, 'unsettled'::text]))),
    CONSTRAINT checkout_attempts_terms CHECK (((terms IS NOT NULL) = (state = ANY (ARRAY['running'::text, 'unsettled'::text]))))
);
CREATE TABLE public.clients (
    id text NOT NULL,
    held integer NOT NULL,
    lapses integer DEFAULT 0 NOT NULL,
    lapsed_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT clients_held CHECK ((held >= 0))
);
CREATE TABLE public.commands (
    id uuid NOT NULL,
    order_key text NOT NULL,
    kind text NOT NULL,
    hold_id uuid,
    session_id text,
    intent_id text,
    amount bigint,
    currency text,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT commands_kind CHECK ((kind = ANY (ARRAY['expire_session'::text, 'refund'::text]))),
    CONSTRAINT commands_target CHECK (COALESCE(
CASE kind
    WHEN 'expire_session'::text THEN (session_id IS NOT NULL)
    ELSE ((intent_id IS NOT NULL) AND (amount > 0) AND (currency IS NOT NULL))
END, false))
);
CREATE TABLE public.event_types (
    id text NOT NULL,
    seq bigint NOT NULL,
    name text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    payment_methods text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    needs jsonb NOT NULL,
    buffer_before_minutes integer DEFAULT 0 NOT NULL,
    buffer_after_minutes integer DEFAULT 0 NOT NULL,
    schedule jsonb,
    cancel_until_minutes integer,
    move_until_minutes integer,
    CONSTRAINT event_types_amount CHECK (((amount >= 1) AND (amount <= 99999999))),
    CONSTRAINT event_types_currency CHECK ((currency ~ '^[a-z]{3}$'::text))
);
ALTER TABLE public.event_types ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_types_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.guests (
    email text NOT NULL,
    held integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT guests_held CHECK ((held >= 0))
);
CREATE TABLE public.hold_history (
    seq bigint NOT NULL,
    hold_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    from_status text,
    from_reason text,
    to_status text NOT NULL,
    to_reason text,
    why text NOT NULL,
    actor text NOT NULL,
    event_id text,
    CONSTRAINT hold_history_actor CHECK ((actor = ANY (ARRAY['checkout'::text, 'event'::text, 'sweep'::text, 'guest'::text, 'operator'::text, 'command'::text])))
);
ALTER TABLE public.hold_history ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.hold_history_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.holds (
    id uuid NOT NULL,
    event_type_id text NOT NULL,
    resource_id text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    segments jsonb NOT NULL,
    status text NOT NULL,
    reason text,
    asked_by text,
    amount bigint NOT NULL,
    currency text NOT NULL,
    session_id text NOT NULL,
    intent_id text,
    checkout_url text NOT NULL,
    price_mismatch boolean DEFAULT false NOT NULL,
    funds text DEFAULT 'none'::text NOT NULL,
    guest_email text,
    guest_name text,
    metadata jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_expires_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    leased_until timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    quantity integer DEFAULT 1 NOT NULL,
    cancel_until_minutes integer,
    move_until_minutes integer,
    guest_id text,
    client_id text,
    wish text,
    CONSTRAINT holds_amount CHECK ((amount > 0)),
    CONSTRAINT holds_asked_by CHECK ((asked_by = ANY (ARRAY['guest'::text, 'operator'::text]))),
    CONSTRAINT holds_due CHECK (((due_at IS NOT NULL) = (status = ANY (ARRAY['held'::text, 'processing'::text])))),
    CONSTRAINT holds_funds CHECK ((funds = ANY (ARRAY['none'::text, 'paid'::text, 'disputed'::text, 'gone'::text]))),
    CONSTRAINT holds_quantity CHECK (((quantity >= 1) AND (quantity <= 1000))),
    CONSTRAINT holds_reason CHECK (COALESCE(
CASE status
    WHEN 'released'::text THEN (reason = ANY (ARRAY['expired'::text, 'guest'::text, 'payment_failed'::text, 'operator'::text, 'late_payment_refunded'::text]))
    WHEN 'cancelled'::text THEN (reason = ANY (ARRAY['guest'::text, 'operator'::text, 'refunded'::text]))
    ELSE (reason IS NULL)
END, false)),
    CONSTRAINT holds_status CHECK ((status = ANY (ARRAY['held'::text, 'processing'::text, 'confirmed'::text, 'released'::text, 'cancelled'::text]))),
    CONSTRAINT holds_window CHECK ((starts_at < ends_at))
);
CREATE TABLE public.installation (
    id text NOT NULL,
    alone boolean DEFAULT true NOT NULL,
    CONSTRAINT installation_alone_check CHECK (alone)
);
CREATE TABLE public.occupancy (
    hold_id uuid NOT NULL,
    resource_id text NOT NULL,
    during tstzrange NOT NULL,
    unit integer DEFAULT 1 NOT NULL,
    CONSTRAINT occupancy_unit CHECK ((unit >= 1)),
    CONSTRAINT occupancy_window CHECK ((NOT isempty(during)))
);
CREATE TABLE public.payments (
    intent_id text NOT NULL,
    hold_id uuid,
    claimed_hold uuid,
    amount bigint NOT NULL,
    currency text NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT payments_amount CHECK ((amount >= 0)),
    CONSTRAINT payments_refunded CHECK ((refunded >= 0)),
    CONSTRAINT payments_state CHECK ((state = ANY (ARRAY['paid'::text, 'refund_due'::text, 'refunded'::text, 'refund_failed'::text, 'disputed'::text, 'kept'::text])))
);
CREATE TABLE public.resources (
    id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seq bigint NOT NULL,
    name text NOT NULL,
    capacity integer DEFAULT 1 NOT NULL,
    CONSTRAINT resources_capacity CHECK (((capacity >= 1) AND (capacity <= 1000)))
);
ALTER TABLE public.resources ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.resources_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.stripe_events (
    id text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    hold_id uuid,
    payload text,
    applied_at timestamp with time zone NOT NULL
);
ALTER TABLE public.stripe_events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stripe_events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO public._sqlx_migrations VALUES (1, 'initial', '2026-11-27 02:37:03.809133+00', true, '\x9da698d6efb10f66b2fdf224d3feaf9bbf41a6caad07de9694b97d1dd23b0f60bcdd21af2014e29724b6ed1da6848755', 50185692);
INSERT INTO public._sqlx_migrations VALUES (2, 'bookings', '2026-11-27 02:37:03.860184+00', true, '\x78f898ea073266154b02f9d64ca851ed5659d9e7160b17d5c14626cb72e75b75fee516b733eabdea11efc983628756e8', 17269446);
INSERT INTO public._sqlx_migrations VALUES (3, 'unpaid', '2026-11-27 02:37:03.877841+00', true, '\xcd4dd520e1e4051674cc313bd751c3d7ab54916370ba894ae51834ca212eba533fb61e7fae3c0e6e3b46c6cfab745c6c', 1120643);
INSERT INTO public._sqlx_migrations VALUES (4, 'wishes', '2026-11-27 02:37:03.879235+00', true, '\x0c83498b41075c99333d8fffc6deb63ba483483568552aec72046e8a1418121cfaa49d28587cf5703709a47158e48e9c', 480243);
INSERT INTO public.blocks VALUES ('ana', 'lunch', false, '2030-12-02 12:30:00+00', '2030-12-02 13:00:00+00', 'lunch', '2026-11-27 02:37:08.541+00');
INSERT INTO public.blocks VALUES ('host-1', 'away', false, '2030-12-05 00:00:00+00', '2030-12-06 00:00:00+00', '', '2026-11-27 02:37:08.544+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-13fe-7e34-a7db-b9984b08cb91', 'key-1', '17f9c752159b9884c19ed7ccf9e5573e1d6b900250d3a61a5b5fdf5ae96f8594', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:05.918+00', '2026-11-27 02:37:05.918+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-140c-7f40-a4ba-b7574dc691d0', 'key-2', '276b06b067fec520a4cb99ac638554e75354f8e3b45be8a57498626d1c463f37', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:05.932+00', '2026-11-27 02:37:05.932+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1543-7389-9473-0e0474003b0e', 'key-3', 'bfb78276de777502ab32000e9669c999db07abb1db56b1b9b458930ccdc02f24', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:06.243+00', '2026-11-27 02:37:06.243+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1677-7a98-bd8f-5d59d8bfcf54', 'key-4', 'a0afb91a76b6de3fd10e37919a55f2ea8e7c4501f89389561b87c03019f71ae8', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:06.551+00', '2026-11-27 02:37:06.551+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-17ac-7cea-8fc9-654d9f9b91f0', 'key-5', '09d37fcdf08b0c07b34a8659723ea7d34eddb7d88b308163fc3d0d356db90ad8', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:06.86+00', '2026-11-27 02:37:06.86+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1a15-772a-a75c-705e2a3146a2', 'key-6', 'c9eeb0c8ade8f7e045f8db7115836fbde99701e6677c1ba33a3c9222d9a3eeb1', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:07.477+00', '2026-11-27 02:37:07.477+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1a2b-756b-a184-51b302291b9e', 'key-7', '42b31468c54c36a9902aa94046268f683e59fd301196e5b0d35e2de82841e1da', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:07.499+00', '2026-11-27 02:37:07.499+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1b70-7b6b-9779-3d9daa21960e', 'key-8', 'd425ed2652c250292178d3f60c466d8176c1ecadea6c23838e48d78cfa9fb819', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:07.824+00', '2026-11-27 02:37:07.824+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1cad-775d-9ebf-e063b7809470', 'key-9', '7114ed95670edc7f4cd310885654d9f2f07957c35e73a122977135c836d068dc', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.141+00', '2026-11-27 02:37:08.141+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1de9-7158-be24-7426c4347fd6', 'key-10', '93969b35f570790518d1f700678af5cadd3f3db6682ccff3d6c5fda400e75c54', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.457+00', '2026-11-27 02:37:08.457+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1dfc-7d62-8174-10d0f2815d6a', 'key-11', '663fccedb9e89a473c82412c108101f6310d5fb93d2d390e6a538cbcba8081df', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.476+00', '2026-11-27 02:37:08.476+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'key-12', '5d3226bf3e0e747da05c18302459b59152f73174cbb0deef15b9881e0c04e17f', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.485+00', '2026-11-27 02:37:08.485+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1e09-7cf9-be77-989bb3dcfe45', 'key-13', '5e233f55c6fd42ca9755f3e45c56e24a9295540982be2119212515893c478425', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.489+00', '2026-11-27 02:37:08.489+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1e0e-7f20-b447-10bba9dd28fd', 'key-14', '7a02cbc6fc426f4622cfee4a6504b71541bbc17325ba91dae7be92371c57eac4', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.494+00', '2026-11-27 02:37:08.494+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1e29-7ba3-a260-1cfeb70b3662', 'key-15', '32a636dcf4d17c77323fc784041f6fb2964df97ff08c55710947ae781de03ae2', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.521+00', '2026-11-27 02:37:08.521+00');
INSERT INTO public.checkout_attempts VALUES ('01a21add-1e30-7f1b-8e84-5f8aa8421dca', 'key-16', '697bd635f99990af3d461d6b845384fa9eb3095d2632a941d4c7c6992c6999d5', 'placed', NULL, 0, NULL, NULL, '2026-11-27 02:37:08.528+00', '2026-11-27 02:37:08.528+00');
INSERT INTO public.clients VALUES ('8xAbMHpnRZ49RwYYwKV3nQbf', 7, 0, '2026-11-27 02:37:08.525+00', '2026-11-27 02:37:08.528+00');
INSERT INTO public.commands VALUES ('bb756879-f2f2-460b-8192-8d85e1a8fa13', 'refund:pi_37LYwvIXjeNoCPfIH34Q4GIT', 'refund', '01a21add-1a2b-756b-a184-51b302291b9e', NULL, 'pi_37LYwvIXjeNoCPfIH34Q4GIT', 3000, 'eur', 0, '2026-11-27 02:37:07.807+00', NULL, NULL, '2026-11-27 02:37:07.807+00', '2026-11-27 02:37:07.82+00');
INSERT INTO public.commands VALUES ('a19cfe86-e76e-42c3-a35b-d4f172ee6f22', 'refund:pi_313VhVvoZ6xJne5LVeWwThVX', 'refund', '01a21add-1cad-775d-9ebf-e063b7809470', NULL, 'pi_313VhVvoZ6xJne5LVeWwThVX', 5000, 'eur', 0, '2026-11-27 02:37:08.449+00', NULL, NULL, '2026-11-27 02:37:08.449+00', '2026-11-27 02:37:08.467+00');
INSERT INTO public.commands VALUES ('302debae-3110-4dc4-a1cb-aaf983643728', 'refund:pi_late_2', 'refund', '01a21add-1e29-7ba3-a260-1cfeb70b3662', NULL, 'pi_late_2', 5000, 'eur', 2, '2026-11-27 02:37:13.49+00', NULL, 'something that should not happen: Stripe refused: 404 invalid_request_error resource_missing payment_intent req_KSB2Q4ZALoIl8Q', '2026-11-27 02:37:08.532+00', NULL);
INSERT INTO public.commands VALUES ('9b29e978-84d1-4fc2-9835-1f9f05e413ee', 'refund:pi_second', 'refund', '01a21add-140c-7f40-a4ba-b7574dc691d0', NULL, 'pi_second', 5000, 'eur', 2, '2026-11-27 02:37:12.899+00', NULL, 'something that should not happen: Stripe refused: 404 invalid_request_error resource_missing payment_intent req_QITIi1NucKOely', '2026-11-27 02:37:08.537+00', NULL);
INSERT INTO public.event_types OVERRIDING SYSTEM VALUE VALUES ('call', 1, 'A call', 5000, 'eur', '', '2026-11-27 02:37:05.895+00', '2026-11-27 02:37:05.895+00', '[{"any_of": ["ana"], "offset_minutes": 0, "duration_minutes": 30}]', 0, 0, NULL, 60, 60);
INSERT INTO public.event_types OVERRIDING SYSTEM VALUE VALUES ('pool', 2, 'Any host', 3000, 'eur', '', '2026-11-27 02:37:05.899+00', '2026-11-27 02:37:05.899+00', '[{"any_of": ["host-1", "host-2", "host-3"], "offset_minutes": 0, "duration_minutes": 30}]', 0, 0, NULL, NULL, 60);
INSERT INTO public.event_types OVERRIDING SYSTEM VALUE VALUES ('class', 3, 'A class', 1500, 'eur', '', '2026-11-27 02:37:05.904+00', '2026-11-27 02:37:05.904+00', '[{"any_of": ["room"], "offset_minutes": 0, "duration_minutes": 60}]', 0, 15, NULL, NULL, NULL);
INSERT INTO public.event_types OVERRIDING SYSTEM VALUE VALUES ('duo', 4, 'Two segments', 7000, 'eur', 'card', '2026-11-27 02:37:05.905+00', '2026-11-27 02:37:05.905+00', '[{"any_of": ["ana", "host-1"], "offset_minutes": 0, "duration_minutes": 30}, {"any_of": ["room"], "offset_minutes": 30, "duration_minutes": 30}]', 0, 0, '{"weekly": [{"to": "20:00:00", "days": [0, 1, 2, 3, 4], "from": "06:00:00"}], "timezone": "Europe/Berlin", "exceptions": [], "step_minutes": 30, "max_advance_days": null, "min_notice_minutes": 0}', NULL, NULL);
INSERT INTO public.guests VALUES ('guest-2@example.com', 1, '2026-11-27 02:37:05.932+00');
INSERT INTO public.guests VALUES ('guest-3@example.com', 2, '2026-11-27 02:37:06.243+00');
INSERT INTO public.guests VALUES ('guest-4@example.com', 0, '2026-11-27 02:37:06.551+00');
INSERT INTO public.guests VALUES ('guest-0@example.com', 1, '2026-11-27 02:37:06.86+00');
INSERT INTO public.guests VALUES ('guest-1@example.com', 3, '2026-11-27 02:37:05.918+00');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (1, '01a21add-13fe-7e34-a7db-b9984b08cb91', '2026-11-27 02:37:05.918+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (2, '01a21add-140c-7f40-a4ba-b7574dc691d0', '2026-11-27 02:37:05.932+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (3, '01a21add-140c-7f40-a4ba-b7574dc691d0', '2026-11-27 02:37:05.944+00', 'held', NULL, 'confirmed', NULL, 'paid', 'event', 'evt_1o0Y4Wgq0CJH0qqBX76v9Tym');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (4, '01a21add-1543-7389-9473-0e0474003b0e', '2026-11-27 02:37:06.243+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (5, '01a21add-1543-7389-9473-0e0474003b0e', '2026-11-27 02:37:06.249+00', 'held', NULL, 'held', NULL, 'the payment intent became known', 'event', 'evt_1EDGxtm9WfqSQLpU3LC0YbvF');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (6, '01a21add-1543-7389-9473-0e0474003b0e', '2026-11-27 02:37:06.256+00', 'held', NULL, 'held', NULL, 'a payment try failed: card_declined', 'event', 'evt_1bKTUWP8DseOd75U2sYvdJQC');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (7, '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '2026-11-27 02:37:06.551+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (8, '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '2026-11-27 02:37:06.56+00', 'held', NULL, 'held', NULL, 'the payment intent became known', 'event', 'evt_1nsgL6VXihsoVedxoSnepqIS');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (9, '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '2026-11-27 02:37:06.564+00', 'held', NULL, 'processing', NULL, 'a delayed payment is at work', 'event', 'evt_1LwKSRG6MUofCMpsl59xtPsH');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (10, '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '2026-11-27 02:37:06.86+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (11, '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '2026-11-27 02:37:06.871+00', 'held', NULL, 'processing', NULL, 'a delayed payment is at work', 'event', 'evt_19m5ykeVHKULbCiicXehMsqo');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (12, '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '2026-11-27 02:37:07.174+00', 'processing', NULL, 'released', 'payment_failed', 'the delayed payment failed', 'event', 'evt_1aumq4sGqSKMHzY13ZRSt9WX');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (13, '01a21add-1a15-772a-a75c-705e2a3146a2', '2026-11-27 02:37:07.477+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (14, '01a21add-1a15-772a-a75c-705e2a3146a2', '2026-11-27 02:37:07.489+00', 'held', NULL, 'released', 'guest', 'the payment session ended unpaid', 'guest', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (15, '01a21add-1a2b-756b-a184-51b302291b9e', '2026-11-27 02:37:07.499+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (16, '01a21add-1a2b-756b-a184-51b302291b9e', '2026-11-27 02:37:07.507+00', 'held', NULL, 'confirmed', NULL, 'paid', 'event', 'evt_11ltLugSy0KLxHyDGyuzTayw');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (17, '01a21add-1a2b-756b-a184-51b302291b9e', '2026-11-27 02:37:07.807+00', 'confirmed', NULL, 'cancelled', 'operator', 'cancelled: the host is ill', 'operator', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (18, '01a21add-1a2b-756b-a184-51b302291b9e', '2026-11-27 02:37:07.818+00', 'cancelled', 'operator', 'cancelled', 'operator', 'the whole payment was refunded', 'command', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (19, '01a21add-1b70-7b6b-9779-3d9daa21960e', '2026-11-27 02:37:07.824+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (20, '01a21add-1b70-7b6b-9779-3d9daa21960e', '2026-11-27 02:37:07.835+00', 'held', NULL, 'confirmed', NULL, 'paid', 'event', 'evt_1jyiibNry181C5IwDr3mVBPl');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (21, '01a21add-1b70-7b6b-9779-3d9daa21960e', '2026-11-27 02:37:08.134+00', 'confirmed', NULL, 'cancelled', 'operator', 'cancelled', 'operator', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (22, '01a21add-1cad-775d-9ebf-e063b7809470', '2026-11-27 02:37:08.141+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (23, '01a21add-1cad-775d-9ebf-e063b7809470', '2026-11-27 02:37:08.15+00', 'held', NULL, 'confirmed', NULL, 'paid', 'event', 'evt_1zkSi9rNkj7ldz3L8sxrrlAi');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (24, '01a21add-1cad-775d-9ebf-e063b7809470', '2026-11-27 02:37:08.449+00', 'confirmed', NULL, 'cancelled', 'guest', 'cancelled by the guest; the money goes back', 'guest', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (25, '01a21add-1cad-775d-9ebf-e063b7809470', '2026-11-27 02:37:08.458+00', 'cancelled', 'guest', 'cancelled', 'guest', 'the whole payment was refunded', 'command', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (26, '01a21add-1de9-7158-be24-7426c4347fd6', '2026-11-27 02:37:08.457+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (27, '01a21add-1de9-7158-be24-7426c4347fd6', '2026-11-27 02:37:08.465+00', 'held', NULL, 'held', NULL, 'moved from 2030-12-02T10:00:00Z to 2030-12-02T11:00:00Z', 'guest', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (28, '01a21add-1dfc-7d62-8174-10d0f2815d6a', '2026-11-27 02:37:08.476+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (29, '01a21add-1e05-7bfc-8eac-52a34b3d48fa', '2026-11-27 02:37:08.485+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (30, '01a21add-1e09-7cf9-be77-989bb3dcfe45', '2026-11-27 02:37:08.489+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (31, '01a21add-1e0e-7f20-b447-10bba9dd28fd', '2026-11-27 02:37:08.494+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (32, '01a21add-1e0e-7f20-b447-10bba9dd28fd', '2026-11-27 02:37:08.508+00', 'held', NULL, 'released', 'guest', 'the payment session ended unpaid', 'guest', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (33, '01a21add-1e0e-7f20-b447-10bba9dd28fd', '2026-11-27 02:37:08.516+00', 'released', 'guest', 'confirmed', NULL, 'paid after the release; the slot was still free', 'event', 'evt_late_1');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (34, '01a21add-1e29-7ba3-a260-1cfeb70b3662', '2026-11-27 02:37:08.521+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (35, '01a21add-1e29-7ba3-a260-1cfeb70b3662', '2026-11-27 02:37:08.525+00', 'held', NULL, 'released', 'guest', 'the payment session ended unpaid', 'guest', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (36, '01a21add-1e30-7f1b-8e84-5f8aa8421dca', '2026-11-27 02:37:08.528+00', NULL, NULL, 'held', NULL, 'placed by a checkout', 'checkout', NULL);
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (37, '01a21add-1e29-7ba3-a260-1cfeb70b3662', '2026-11-27 02:37:08.532+00', 'released', 'guest', 'released', 'late_payment_refunded', 'paid after the release; the slot was gone, the money goes back', 'event', 'evt_late_2');
INSERT INTO public.hold_history OVERRIDING SYSTEM VALUE VALUES (38, '01a21add-140c-7f40-a4ba-b7574dc691d0', '2026-11-27 02:37:08.537+00', 'confirmed', NULL, 'confirmed', NULL, 'paid a second time; the second payment goes back', 'event', 'evt_second');
INSERT INTO public.holds VALUES ('01a21add-13fe-7e34-a7db-b9984b08cb91', 'call', 'ana', '2030-12-02 09:00:00+00', '2030-12-02 09:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922434200000, "ends_at_ms": 1922434200000, "busy_from_ms": 1922432400000, "starts_at_ms": 1922432400000}]', 'held', NULL, NULL, 5000, 'eur', 'cs_test_a1wQeib4me5s0Y5G16qYR1eC0BszK0Uson7WWYdlb5z6sfVcdLvtHDghgA', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1wQeib4me5s0Y5G16qYR1eC0BszK0Uson7WWYdlb5z6sfVcdLvtHDghgA', false, 'none', 'Guest-1@example.com', 'Guest 1', '{"order": "1"}', '2026-11-27 03:07:05.918+00', '2026-11-27 03:18:06+00', '2026-11-27 03:07:05.918+00', 0, NULL, 1, '2026-11-27 02:37:05.918+00', '2026-11-27 02:37:05.918+00', 1, 60, 60, 'guest-1@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1543-7389-9473-0e0474003b0e', 'call', 'ana', '2030-12-02 11:00:00+00', '2030-12-02 11:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922441400000, "ends_at_ms": 1922441400000, "busy_from_ms": 1922439600000, "starts_at_ms": 1922439600000}]', 'held', NULL, NULL, 5000, 'eur', 'cs_test_a1GrEz9LpCBtw0eXVNNvnNoryle2BKx1dJJLOemPEAcAR8NL00Mizo6mzM', 'pi_3M9MSDm4PJls5c2vDQ7JyA6Q', 'http://127.0.0.1:19185/c/pay/cs_test_a1GrEz9LpCBtw0eXVNNvnNoryle2BKx1dJJLOemPEAcAR8NL00Mizo6mzM', false, 'none', 'Guest-3@example.com', 'Guest 3', '{"order": "3"}', '2026-11-27 03:07:06.243+00', '2026-11-27 03:18:07+00', '2026-11-27 03:07:06.243+00', 0, NULL, 3, '2026-11-27 02:37:06.243+00', '2026-11-27 02:37:06.256+00', 1, 60, 60, 'guest-3@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1677-7a98-bd8f-5d59d8bfcf54', 'call', 'ana', '2030-12-02 12:00:00+00', '2030-12-02 12:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922445000000, "ends_at_ms": 1922445000000, "busy_from_ms": 1922443200000, "starts_at_ms": 1922443200000}]', 'processing', NULL, NULL, 5000, 'eur', 'cs_test_a1ON14gbJfd6tBRqwD4Jtm3a2un5AR77mlOK9kwR18UvZ5rowffunlZ3SB', 'pi_3hEmGMUcKwKXLOVfKM7z2Laj', 'http://127.0.0.1:19185/c/pay/cs_test_a1ON14gbJfd6tBRqwD4Jtm3a2un5AR77mlOK9kwR18UvZ5rowffunlZ3SB', false, 'none', 'Guest-4@example.com', 'Guest 4', '{"order": "4"}', '2026-11-27 03:07:06.551+00', '2026-11-27 03:18:07+00', '2026-11-28 02:37:06.564+00', 0, NULL, 3, '2026-11-27 02:37:06.551+00', '2026-11-27 02:37:06.564+00', 1, 60, 60, 'guest-4@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-17ac-7cea-8fc9-654d9f9b91f0', 'call', 'ana', '2030-12-02 14:00:00+00', '2030-12-02 14:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922452200000, "ends_at_ms": 1922452200000, "busy_from_ms": 1922450400000, "starts_at_ms": 1922450400000}]', 'released', 'payment_failed', NULL, 5000, 'eur', 'cs_test_a1yMELs670nrcYw2Z2ceaPwiwhU50JbAneYoFzXeOf0cN9P9MfiPjz9mmM', 'pi_3VKJNHzj2Z6iSLPgBdQRgO1F', 'http://127.0.0.1:19185/c/pay/cs_test_a1yMELs670nrcYw2Z2ceaPwiwhU50JbAneYoFzXeOf0cN9P9MfiPjz9mmM', false, 'none', 'Guest-0@example.com', 'Guest 0', '{"order": "5"}', '2026-11-27 03:07:06.86+00', '2026-11-27 03:18:07+00', NULL, 0, NULL, 3, '2026-11-27 02:37:06.86+00', '2026-11-27 02:37:07.174+00', 1, 60, 60, 'guest-0@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1a15-772a-a75c-705e2a3146a2', 'call', 'ana', '2030-12-02 15:00:00+00', '2030-12-02 15:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922455800000, "ends_at_ms": 1922455800000, "busy_from_ms": 1922454000000, "starts_at_ms": 1922454000000}]', 'released', 'guest', NULL, 5000, 'eur', 'cs_test_a1KRg9kyAXmYjZ1WeyffSRxiurYeTkNpIzgFqTSzAqjHHRkfgVFtnQnnhe', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1KRg9kyAXmYjZ1WeyffSRxiurYeTkNpIzgFqTSzAqjHHRkfgVFtnQnnhe', false, 'none', 'Guest-1@example.com', 'Guest 1', '{"order": "6"}', '2026-11-27 03:07:07.477+00', '2026-11-27 03:18:08+00', NULL, 0, NULL, 3, '2026-11-27 02:37:07.477+00', '2026-11-27 02:37:07.489+00', 1, 60, 60, 'guest-1@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1a2b-756b-a184-51b302291b9e', 'pool', 'host-1', '2030-12-02 09:00:00+00', '2030-12-02 09:30:00+00', '[{"resource": "host-1", "busy_to_ms": 1922434200000, "ends_at_ms": 1922434200000, "busy_from_ms": 1922432400000, "starts_at_ms": 1922432400000}]', 'cancelled', 'operator', NULL, 3000, 'eur', 'cs_test_a13gZj8Ef16OKQcSiXOv2dcFhk2sNqgEg1cqwcF2EoYxqoZQNhW8xnc7uj', 'pi_37LYwvIXjeNoCPfIH34Q4GIT', 'http://127.0.0.1:19185/c/pay/cs_test_a13gZj8Ef16OKQcSiXOv2dcFhk2sNqgEg1cqwcF2EoYxqoZQNhW8xnc7uj', false, 'gone', 'Guest-2@example.com', 'Guest 2', '{"order": "7"}', '2026-11-27 03:07:07.499+00', '2026-11-27 03:18:08+00', NULL, 0, NULL, 4, '2026-11-27 02:37:07.499+00', '2026-11-27 02:37:07.818+00', 1, NULL, 60, 'guest-2@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1b70-7b6b-9779-3d9daa21960e', 'pool', 'host-2', '2030-12-02 09:00:00+00', '2030-12-02 09:30:00+00', '[{"resource": "host-2", "busy_to_ms": 1922434200000, "ends_at_ms": 1922434200000, "busy_from_ms": 1922432400000, "starts_at_ms": 1922432400000}]', 'cancelled', 'operator', NULL, 3000, 'eur', 'cs_test_a127V4bZpSmslB11a2VwDTMpOSGJsxzl6LhWvRvlzeZM5uSPsGvjdAe6vJ', 'pi_3qdU1IQeQq1BICGUCO3dZO3Y', 'http://127.0.0.1:19185/c/pay/cs_test_a127V4bZpSmslB11a2VwDTMpOSGJsxzl6LhWvRvlzeZM5uSPsGvjdAe6vJ', false, 'gone', 'Guest-3@example.com', 'Guest 3', '{"order": "8"}', '2026-11-27 03:07:07.824+00', '2026-11-27 03:18:08+00', NULL, 0, NULL, 3, '2026-11-27 02:37:07.824+00', '2026-11-27 02:37:08.134+00', 1, NULL, 60, 'guest-3@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', 'host-2');
INSERT INTO public.holds VALUES ('01a21add-1cad-775d-9ebf-e063b7809470', 'call', 'ana', '2030-12-02 16:00:00+00', '2030-12-02 16:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922459400000, "ends_at_ms": 1922459400000, "busy_from_ms": 1922457600000, "starts_at_ms": 1922457600000}]', 'cancelled', 'guest', NULL, 5000, 'eur', 'cs_test_a17G6cXDqpLrWCTBItsOSlZzDyGZZ27QPlWkpYRE2WYRjpo6LcIam3fDzb', 'pi_313VhVvoZ6xJne5LVeWwThVX', 'http://127.0.0.1:19185/c/pay/cs_test_a17G6cXDqpLrWCTBItsOSlZzDyGZZ27QPlWkpYRE2WYRjpo6LcIam3fDzb', false, 'gone', 'Guest-4@example.com', 'Guest 4', '{"order": "9"}', '2026-11-27 03:07:08.141+00', '2026-11-27 03:18:09+00', NULL, 0, NULL, 4, '2026-11-27 02:37:08.141+00', '2026-11-27 02:37:08.458+00', 1, 60, 60, 'guest-4@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1dfc-7d62-8174-10d0f2815d6a', 'class', 'room', '2030-12-02 10:00:00+00', '2030-12-02 11:00:00+00', '[{"resource": "room", "busy_to_ms": 1922440500000, "ends_at_ms": 1922439600000, "busy_from_ms": 1922436000000, "starts_at_ms": 1922436000000}]', 'held', NULL, NULL, 4500, 'eur', 'cs_test_a1XIQ3OnCunqD6KDguekELfg69UgNdb0NFf6GeoBIAAnf27nEzoVAX72zJ', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1XIQ3OnCunqD6KDguekELfg69UgNdb0NFf6GeoBIAAnf27nEzoVAX72zJ', false, 'none', 'Guest-1@example.com', 'Guest 1', '{"order": "11"}', '2026-11-27 03:07:08.476+00', '2026-11-27 03:18:09+00', '2026-11-27 03:07:08.476+00', 0, NULL, 1, '2026-11-27 02:37:08.476+00', '2026-11-27 02:37:08.476+00', 3, NULL, NULL, 'guest-1@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1de9-7158-be24-7426c4347fd6', 'pool', 'host-1', '2030-12-02 11:00:00+00', '2030-12-02 11:30:00+00', '[{"resource": "host-1", "busy_to_ms": 1922441400000, "ends_at_ms": 1922441400000, "busy_from_ms": 1922439600000, "starts_at_ms": 1922439600000}]', 'held', NULL, NULL, 3000, 'eur', 'cs_test_a117GqFtl9iv6SuXFaNhCBYqgMA1aCJYzEdFaQ1M1TfVPR8bfX6d154mCz', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a117GqFtl9iv6SuXFaNhCBYqgMA1aCJYzEdFaQ1M1TfVPR8bfX6d154mCz', false, 'none', 'Guest-0@example.com', 'Guest 0', '{"order": "10"}', '2026-11-27 03:07:08.457+00', '2026-11-27 03:18:09+00', '2026-11-27 03:07:08.457+00', 0, NULL, 2, '2026-11-27 02:37:08.457+00', '2026-11-27 02:37:08.465+00', 1, NULL, 60, 'guest-0@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'class', 'room', '2030-12-02 10:00:00+00', '2030-12-02 11:00:00+00', '[{"resource": "room", "busy_to_ms": 1922440500000, "ends_at_ms": 1922439600000, "busy_from_ms": 1922436000000, "starts_at_ms": 1922436000000}]', 'held', NULL, NULL, 6000, 'eur', 'cs_test_a1du5oedElg927uQAX1wAeGwKXzo1CXC6IMlhXTe6NbXDC95VoFtS0gJyQ', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1du5oedElg927uQAX1wAeGwKXzo1CXC6IMlhXTe6NbXDC95VoFtS0gJyQ', false, 'none', 'Guest-2@example.com', 'Guest 2', '{"order": "12"}', '2026-11-27 03:07:08.485+00', '2026-11-27 03:18:09+00', '2026-11-27 03:07:08.485+00', 0, NULL, 1, '2026-11-27 02:37:08.485+00', '2026-11-27 02:37:08.485+00', 4, NULL, NULL, 'guest-2@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1e09-7cf9-be77-989bb3dcfe45', 'duo', 'ana', '2030-12-02 17:00:00+00', '2030-12-02 18:00:00+00', '[{"resource": "ana", "busy_to_ms": 1922463000000, "ends_at_ms": 1922463000000, "busy_from_ms": 1922461200000, "starts_at_ms": 1922461200000}, {"resource": "room", "busy_to_ms": 1922464800000, "ends_at_ms": 1922464800000, "busy_from_ms": 1922463000000, "starts_at_ms": 1922463000000}]', 'held', NULL, NULL, 7000, 'eur', 'cs_test_a1q1i5QbtSxFn4ZDDEDcjqSBF12fjTOXGbrguDr9UlDsaLPVdcmyoPMNFV', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1q1i5QbtSxFn4ZDDEDcjqSBF12fjTOXGbrguDr9UlDsaLPVdcmyoPMNFV', false, 'none', 'Guest-3@example.com', 'Guest 3', '{"order": "13"}', '2026-11-27 03:07:08.489+00', '2026-11-27 03:18:09+00', '2026-11-27 03:07:08.489+00', 0, NULL, 1, '2026-11-27 02:37:08.489+00', '2026-11-27 02:37:08.489+00', 1, NULL, NULL, 'guest-3@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1e0e-7f20-b447-10bba9dd28fd', 'pool', 'host-2', '2030-12-02 14:00:00+00', '2030-12-02 14:30:00+00', '[{"resource": "host-2", "busy_to_ms": 1922452200000, "ends_at_ms": 1922452200000, "busy_from_ms": 1922450400000, "starts_at_ms": 1922450400000}]', 'confirmed', NULL, NULL, 3000, 'eur', 'cs_test_a1jPuMRIweW5YRbYlbZf5fIOED15L9vnGhFcbkvOMzzFbwK7TTSFbJziVJ', 'pi_late_1', 'http://127.0.0.1:19185/c/pay/cs_test_a1jPuMRIweW5YRbYlbZf5fIOED15L9vnGhFcbkvOMzzFbwK7TTSFbJziVJ', false, 'paid', 'Guest-4@example.com', 'Guest 4', '{"order": "14"}', '2026-11-27 03:07:08.494+00', '2026-11-27 03:18:09+00', NULL, 0, NULL, 4, '2026-11-27 02:37:08.494+00', '2026-11-27 02:37:08.516+00', 1, NULL, 60, 'guest-4@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1e30-7f1b-8e84-5f8aa8421dca', 'call', 'ana', '2030-12-02 18:00:00+00', '2030-12-02 18:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922466600000, "ends_at_ms": 1922466600000, "busy_from_ms": 1922464800000, "starts_at_ms": 1922464800000}]', 'held', NULL, NULL, 5000, 'eur', 'cs_test_a1VpOLSI8kQCEkgliQ7tLvCA4X9WXM4kk0WPCtzf72aOy84NlhjeFarXhu', NULL, 'http://127.0.0.1:19185/c/pay/cs_test_a1VpOLSI8kQCEkgliQ7tLvCA4X9WXM4kk0WPCtzf72aOy84NlhjeFarXhu', false, 'none', 'Guest-1@example.com', 'Guest 1', '{"order": "16"}', '2026-11-27 03:07:08.528+00', '2026-11-27 03:18:09+00', '2026-11-27 03:07:08.528+00', 0, NULL, 1, '2026-11-27 02:37:08.528+00', '2026-11-27 02:37:08.528+00', 1, 60, 60, 'guest-1@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-1e29-7ba3-a260-1cfeb70b3662', 'call', 'ana', '2030-12-02 18:00:00+00', '2030-12-02 18:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922466600000, "ends_at_ms": 1922466600000, "busy_from_ms": 1922464800000, "starts_at_ms": 1922464800000}]', 'released', 'late_payment_refunded', NULL, 5000, 'eur', 'cs_test_a1HxnHeYS1m6sR768TMuoYCwxowymrJJQt2K5MPzSfjhU5HrkpuSWF3CSu', 'pi_late_2', 'http://127.0.0.1:19185/c/pay/cs_test_a1HxnHeYS1m6sR768TMuoYCwxowymrJJQt2K5MPzSfjhU5HrkpuSWF3CSu', false, 'none', 'Guest-0@example.com', 'Guest 0', '{"order": "15"}', '2026-11-27 03:07:08.521+00', '2026-11-27 03:18:09+00', NULL, 0, NULL, 4, '2026-11-27 02:37:08.521+00', '2026-11-27 02:37:08.532+00', 1, 60, 60, 'guest-0@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.holds VALUES ('01a21add-140c-7f40-a4ba-b7574dc691d0', 'call', 'ana', '2030-12-02 10:00:00+00', '2030-12-02 10:30:00+00', '[{"resource": "ana", "busy_to_ms": 1922437800000, "ends_at_ms": 1922437800000, "busy_from_ms": 1922436000000, "starts_at_ms": 1922436000000}]', 'confirmed', NULL, NULL, 5000, 'eur', 'cs_test_a1GnJTyI5CZef1M2kv7oQnfzI2rbjleRX79OSjhTV89TC6NgHfjeRTFiDX', 'pi_3CCQG2Y4M6JuooLmSVN761Ha', 'http://127.0.0.1:19185/c/pay/cs_test_a1GnJTyI5CZef1M2kv7oQnfzI2rbjleRX79OSjhTV89TC6NgHfjeRTFiDX', false, 'paid', 'Guest-2@example.com', 'Guest 2', '{"order": "2"}', '2026-11-27 03:07:05.932+00', '2026-11-27 03:18:06+00', NULL, 0, NULL, 3, '2026-11-27 02:37:05.932+00', '2026-11-27 02:37:08.537+00', 1, 60, 60, 'guest-2@example.com', '8xAbMHpnRZ49RwYYwKV3nQbf', NULL);
INSERT INTO public.installation VALUES ('8c875fd7accc415793aa6bc7f7c4261f', true);
INSERT INTO public.occupancy VALUES ('01a21add-13fe-7e34-a7db-b9984b08cb91', 'ana', '["2030-12-02 09:00:00+00","2030-12-02 09:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-140c-7f40-a4ba-b7574dc691d0', 'ana', '["2030-12-02 10:00:00+00","2030-12-02 10:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1543-7389-9473-0e0474003b0e', 'ana', '["2030-12-02 11:00:00+00","2030-12-02 11:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1677-7a98-bd8f-5d59d8bfcf54', 'ana', '["2030-12-02 12:00:00+00","2030-12-02 12:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1de9-7158-be24-7426c4347fd6', 'host-1', '["2030-12-02 11:00:00+00","2030-12-02 11:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1dfc-7d62-8174-10d0f2815d6a', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1dfc-7d62-8174-10d0f2815d6a', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 2);
INSERT INTO public.occupancy VALUES ('01a21add-1dfc-7d62-8174-10d0f2815d6a', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 3);
INSERT INTO public.occupancy VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 4);
INSERT INTO public.occupancy VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 5);
INSERT INTO public.occupancy VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 6);
INSERT INTO public.occupancy VALUES ('01a21add-1e05-7bfc-8eac-52a34b3d48fa', 'room', '["2030-12-02 10:00:00+00","2030-12-02 11:15:00+00")', 7);
INSERT INTO public.occupancy VALUES ('01a21add-1e09-7cf9-be77-989bb3dcfe45', 'ana', '["2030-12-02 17:00:00+00","2030-12-02 17:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1e09-7cf9-be77-989bb3dcfe45', 'room', '["2030-12-02 17:30:00+00","2030-12-02 18:00:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1e0e-7f20-b447-10bba9dd28fd', 'host-2', '["2030-12-02 14:00:00+00","2030-12-02 14:30:00+00")', 1);
INSERT INTO public.occupancy VALUES ('01a21add-1e30-7f1b-8e84-5f8aa8421dca', 'ana', '["2030-12-02 18:00:00+00","2030-12-02 18:30:00+00")', 1);
INSERT INTO public.payments VALUES ('pi_3CCQG2Y4M6JuooLmSVN761Ha', '01a21add-140c-7f40-a4ba-b7574dc691d0', NULL, 5000, 'eur', 0, 'paid', '2026-11-27 02:37:05.944+00', '2026-11-27 02:37:05.944+00');
INSERT INTO public.payments VALUES ('pi_37LYwvIXjeNoCPfIH34Q4GIT', '01a21add-1a2b-756b-a184-51b302291b9e', NULL, 3000, 'eur', 3000, 'refunded', '2026-11-27 02:37:07.507+00', '2026-11-27 02:37:07.818+00');
INSERT INTO public.payments VALUES ('pi_3qdU1IQeQq1BICGUCO3dZO3Y', '01a21add-1b70-7b6b-9779-3d9daa21960e', NULL, 3000, 'eur', 0, 'kept', '2026-11-27 02:37:07.835+00', '2026-11-27 02:37:08.134+00');
INSERT INTO public.payments VALUES ('pi_313VhVvoZ6xJne5LVeWwThVX', '01a21add-1cad-775d-9ebf-e063b7809470', NULL, 5000, 'eur', 5000, 'refunded', '2026-11-27 02:37:08.15+00', '2026-11-27 02:37:08.458+00');
INSERT INTO public.payments VALUES ('pi_late_1', '01a21add-1e0e-7f20-b447-10bba9dd28fd', NULL, 3000, 'eur', 0, 'paid', '2026-11-27 02:37:08.516+00', '2026-11-27 02:37:08.516+00');
INSERT INTO public.payments VALUES ('pi_late_2', '01a21add-1e29-7ba3-a260-1cfeb70b3662', NULL, 5000, 'eur', 0, 'refund_due', '2026-11-27 02:37:08.532+00', '2026-11-27 02:37:08.532+00');
INSERT INTO public.payments VALUES ('pi_second', '01a21add-140c-7f40-a4ba-b7574dc691d0', NULL, 5000, 'eur', 0, 'refund_due', '2026-11-27 02:37:08.537+00', '2026-11-27 02:37:08.537+00');
INSERT INTO public.resources OVERRIDING SYSTEM VALUE VALUES ('ana', '2026-11-27 02:37:05.895+00', 1, 'ana', 1);
INSERT INTO public.resources OVERRIDING SYSTEM VALUE VALUES ('host-1', '2026-11-27 02:37:05.899+00', 2, 'host-1', 1);
INSERT INTO public.resources OVERRIDING SYSTEM VALUE VALUES ('host-2', '2026-11-27 02:37:05.899+00', 3, 'host-2', 1);
INSERT INTO public.resources OVERRIDING SYSTEM VALUE VALUES ('host-3', '2026-11-27 02:37:05.899+00', 4, 'host-3', 1);
INSERT INTO public.resources OVERRIDING SYSTEM VALUE VALUES ('room', '2026-11-27 02:37:05.902+00', 5, 'The room', 12);
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1o0Y4Wgq0CJH0qqBX76v9Tym', 1, 'payment_intent.succeeded', '01a21add-140c-7f40-a4ba-b7574dc691d0', '{"api_version":"2026-09-30.endive","created":1795747025,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":5000,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3CCQG2Y4M6JuooLmSVN761Ha_secret_simulated","confirmation_method":"automatic","created":1795747025,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3CCQG2Y4M6JuooLmSVN761Ha","last_payment_error":null,"latest_charge":"ch_3M69bX3opUMKg2hmFFSRMtg9","livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-140c-7f40-a4ba-b7574dc691d0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_1o0Y4Wgq0CJH0qqBX76v9Tym","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.succeeded"}', '2026-11-27 02:37:05.944+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1o603u0sJZr2WABtsJgFdh4F', 4, 'checkout.session.completed', '01a21add-140c-7f40-a4ba-b7574dc691d0', '{"api_version":"2026-09-30.endive","created":1795747025,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":5000,"amount_total":5000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-140c-7f40-a4ba-b7574dc691d0","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747025,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-2@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-2@example.com","discounts":[],"expires_at":1795749486,"id":"cs_test_a1GnJTyI5CZef1M2kv7oQnfzI2rbjleRX79OSjhTV89TC6NgHfjeRTFiDX","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-140c-7f40-a4ba-b7574dc691d0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_3CCQG2Y4M6JuooLmSVN761Ha","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"paid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_1o603u0sJZr2WABtsJgFdh4F","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:05.961+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1img1e3NAzlB72qzR29oEdbj', 5, 'payment_intent.created', '01a21add-140c-7f40-a4ba-b7574dc691d0', '{"api_version":"2026-09-30.endive","created":1795747025,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3CCQG2Y4M6JuooLmSVN761Ha_secret_simulated","confirmation_method":"automatic","created":1795747025,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3CCQG2Y4M6JuooLmSVN761Ha","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-140c-7f40-a4ba-b7574dc691d0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1img1e3NAzlB72qzR29oEdbj","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:05.969+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1EDGxtm9WfqSQLpU3LC0YbvF', 6, 'payment_intent.created', '01a21add-1543-7389-9473-0e0474003b0e', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3M9MSDm4PJls5c2vDQ7JyA6Q_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3M9MSDm4PJls5c2vDQ7JyA6Q","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1543-7389-9473-0e0474003b0e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1EDGxtm9WfqSQLpU3LC0YbvF","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:06.249+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1UB8ziGqAgkTwOEAYbgbgQWB', 12, 'payment_intent.created', '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3hEmGMUcKwKXLOVfKM7z2Laj_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3hEmGMUcKwKXLOVfKM7z2Laj","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1677-7a98-bd8f-5d59d8bfcf54","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1UB8ziGqAgkTwOEAYbgbgQWB","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:06.563+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1CsH6ZcfDj7NwHXxObcUURs7', 18, 'payment_intent.created', '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-17ac-7cea-8fc9-654d9f9b91f0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1CsH6ZcfDj7NwHXxObcUURs7","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:06.876+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1bKTUWP8DseOd75U2sYvdJQC', 8, 'payment_intent.payment_failed', '01a21add-1543-7389-9473-0e0474003b0e', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3M9MSDm4PJls5c2vDQ7JyA6Q_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3M9MSDm4PJls5c2vDQ7JyA6Q","last_payment_error":{"code":"card_declined","decline_code":"generic_decline","message":"Your card was declined.","type":"card_error"},"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1543-7389-9473-0e0474003b0e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1bKTUWP8DseOd75U2sYvdJQC","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.payment_failed"}', '2026-11-27 02:37:06.256+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1nsgL6VXihsoVedxoSnepqIS', 9, 'payment_intent.processing', '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3hEmGMUcKwKXLOVfKM7z2Laj_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3hEmGMUcKwKXLOVfKM7z2Laj","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1677-7a98-bd8f-5d59d8bfcf54","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"processing","transfer_data":null,"transfer_group":null}},"id":"evt_1nsgL6VXihsoVedxoSnepqIS","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.processing"}', '2026-11-27 02:37:06.56+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_19m5ykeVHKULbCiicXehMsqo', 14, 'checkout.session.completed', '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":5000,"amount_total":5000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-17ac-7cea-8fc9-654d9f9b91f0","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747026,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-0@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-0@example.com","discounts":[],"expires_at":1795749487,"id":"cs_test_a1yMELs670nrcYw2Z2ceaPwiwhU50JbAneYoFzXeOf0cN9P9MfiPjz9mmM","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-17ac-7cea-8fc9-654d9f9b91f0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"unpaid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_19m5ykeVHKULbCiicXehMsqo","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:06.871+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_12PaHICe1AIKKDw5Ge3lXVFl', 17, 'payment_intent.processing', '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-17ac-7cea-8fc9-654d9f9b91f0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"processing","transfer_data":null,"transfer_group":null}},"id":"evt_12PaHICe1AIKKDw5Ge3lXVFl","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.processing"}', '2026-11-27 02:37:06.876+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1jyiibNry181C5IwDr3mVBPl', 30, 'checkout.session.completed', '01a21add-1b70-7b6b-9779-3d9daa21960e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":3000,"amount_total":3000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-1b70-7b6b-9779-3d9daa21960e","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747027,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-3@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-3@example.com","discounts":[],"expires_at":1795749488,"id":"cs_test_a127V4bZpSmslB11a2VwDTMpOSGJsxzl6LhWvRvlzeZM5uSPsGvjdAe6vJ","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1b70-7b6b-9779-3d9daa21960e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_3qdU1IQeQq1BICGUCO3dZO3Y","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"paid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_1jyiibNry181C5IwDr3mVBPl","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:07.835+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1zkSi9rNkj7ldz3L8sxrrlAi', 35, 'payment_intent.succeeded', '01a21add-1cad-775d-9ebf-e063b7809470', '{"api_version":"2026-09-30.endive","created":1795747028,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":5000,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_313VhVvoZ6xJne5LVeWwThVX_secret_simulated","confirmation_method":"automatic","created":1795747028,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_313VhVvoZ6xJne5LVeWwThVX","last_payment_error":null,"latest_charge":"ch_3KYpxVKgzLryyu992N0E3sbf","livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1cad-775d-9ebf-e063b7809470","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_1zkSi9rNkj7ldz3L8sxrrlAi","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.succeeded"}', '2026-11-27 02:37:08.15+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1LwKSRG6MUofCMpsl59xtPsH', 13, 'checkout.session.completed', '01a21add-1677-7a98-bd8f-5d59d8bfcf54', '{"api_version":"2026-09-30.endive","created":1795747026,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":5000,"amount_total":5000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-1677-7a98-bd8f-5d59d8bfcf54","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747026,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-4@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-4@example.com","discounts":[],"expires_at":1795749487,"id":"cs_test_a1ON14gbJfd6tBRqwD4Jtm3a2un5AR77mlOK9kwR18UvZ5rowffunlZ3SB","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1677-7a98-bd8f-5d59d8bfcf54","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_3hEmGMUcKwKXLOVfKM7z2Laj","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"unpaid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_1LwKSRG6MUofCMpsl59xtPsH","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:06.564+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1ujFScM8hwSprhL8mOXeB5mH', 21, 'payment_intent.payment_failed', '01a21add-17ac-7cea-8fc9-654d9f9b91f0', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F_secret_simulated","confirmation_method":"automatic","created":1795747026,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3VKJNHzj2Z6iSLPgBdQRgO1F","last_payment_error":{"code":"payment_intent_payment_attempt_failed","message":"The payment attempt failed.","type":"invalid_request_error"},"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-17ac-7cea-8fc9-654d9f9b91f0","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1ujFScM8hwSprhL8mOXeB5mH","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.payment_failed"}', '2026-11-27 02:37:07.18+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_11ltLugSy0KLxHyDGyuzTayw', 24, 'checkout.session.completed', '01a21add-1a2b-756b-a184-51b302291b9e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":3000,"amount_total":3000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-1a2b-756b-a184-51b302291b9e","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747027,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-2@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-2@example.com","discounts":[],"expires_at":1795749488,"id":"cs_test_a13gZj8Ef16OKQcSiXOv2dcFhk2sNqgEg1cqwcF2EoYxqoZQNhW8xnc7uj","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1a2b-756b-a184-51b302291b9e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_37LYwvIXjeNoCPfIH34Q4GIT","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"paid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_11ltLugSy0KLxHyDGyuzTayw","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:07.507+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1ZGroypfv2G65hRIzpjnoxYb', 27, 'payment_intent.succeeded', '01a21add-1a2b-756b-a184-51b302291b9e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":3000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":3000,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_37LYwvIXjeNoCPfIH34Q4GIT_secret_simulated","confirmation_method":"automatic","created":1795747027,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_37LYwvIXjeNoCPfIH34Q4GIT","last_payment_error":null,"latest_charge":"ch_3DK8rjbfRMoWBIP3IstubtsL","livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1a2b-756b-a184-51b302291b9e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_1ZGroypfv2G65hRIzpjnoxYb","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.succeeded"}', '2026-11-27 02:37:07.513+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1NpIsjNb8i8up9yHCnqXiMcG', 33, 'payment_intent.succeeded', '01a21add-1b70-7b6b-9779-3d9daa21960e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":3000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":3000,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3qdU1IQeQq1BICGUCO3dZO3Y_secret_simulated","confirmation_method":"automatic","created":1795747027,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3qdU1IQeQq1BICGUCO3dZO3Y","last_payment_error":null,"latest_charge":"ch_3Bky0ElAB95yz8SyyrfqEC1E","livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1b70-7b6b-9779-3d9daa21960e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_1NpIsjNb8i8up9yHCnqXiMcG","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.succeeded"}', '2026-11-27 02:37:07.84+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1w4UKuQ2gZA7rjEvpdnn1eze', 39, 'checkout.session.completed', '01a21add-1cad-775d-9ebf-e063b7809470', '{"api_version":"2026-09-30.endive","created":1795747028,"data":{"object":{"adaptive_pricing":{"enabled":false},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":5000,"amount_total":5000,"automatic_tax":{"enabled":false,"liability":null,"provider":null,"status":null},"billing_address_collection":null,"cancel_url":"https://shop.example/no","client_reference_id":"01a21add-1cad-775d-9ebf-e063b7809470","client_secret":null,"collected_information":{"business_name":null,"individual_name":null,"shipping_details":null},"consent":null,"consent_collection":null,"created":1795747028,"currency":"eur","currency_conversion":null,"custom_fields":[],"custom_text":{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null},"customer":null,"customer_account":null,"customer_creation":"if_required","customer_details":{"address":null,"business_name":null,"email":"Guest-4@example.com","individual_name":null,"name":null,"phone":null,"tax_exempt":"none","tax_ids":null},"customer_email":"Guest-4@example.com","discounts":[],"expires_at":1795749489,"id":"cs_test_a17G6cXDqpLrWCTBItsOSlZzDyGZZ27QPlWkpYRE2WYRjpo6LcIam3fDzb","integration_identifier":null,"invoice":null,"invoice_creation":{"enabled":false,"invoice_data":{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}},"livemode":false,"locale":null,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1cad-775d-9ebf-e063b7809470","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"mode":"payment","object":"checkout.session","origin_context":null,"payment_intent":"pi_313VhVvoZ6xJne5LVeWwThVX","payment_link":null,"payment_method_collection":"if_required","payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"payment_status":"paid","permissions":null,"phone_number_collection":{"enabled":false},"recovered_from":null,"saved_payment_method_options":null,"setup_intent":null,"shipping_address_collection":null,"shipping_cost":null,"shipping_options":[],"status":"complete","submit_type":null,"subscription":null,"success_url":"https://shop.example/yes","total_details":{"amount_discount":0,"amount_shipping":0,"amount_tax":0},"ui_mode":"hosted_page","url":null,"wallet_options":null}},"id":"evt_1w4UKuQ2gZA7rjEvpdnn1eze","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}', '2026-11-27 02:37:08.154+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_late_2', 45, 'checkout.session.completed', '01a21add-1e29-7ba3-a260-1cfeb70b3662', '{"id": "evt_late_2", "object": "event", "api_version": "2025-03-31.basil", "created": 1795747028, "livemode": false, "type": "checkout.session.completed", "data": {"object": {"id": "cs_test_a1HxnHeYS1m6sR768TMuoYCwxowymrJJQt2K5MPzSfjhU5HrkpuSWF3CSu", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid", "payment_intent": "pi_late_2", "amount_total": 5000, "currency": "eur", "client_reference_id": "01a21add-1e29-7ba3-a260-1cfeb70b3662", "metadata": {"holdfast_hold": "01a21add-1e29-7ba3-a260-1cfeb70b3662", "hold_id": "01a21add-1e29-7ba3-a260-1cfeb70b3662"}}}}', '2026-11-27 02:37:08.532+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1PqDGUYqjeNbCNXxWksuEilk', 34, 'payment_intent.created', '01a21add-1b70-7b6b-9779-3d9daa21960e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":3000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_3qdU1IQeQq1BICGUCO3dZO3Y_secret_simulated","confirmation_method":"automatic","created":1795747027,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_3qdU1IQeQq1BICGUCO3dZO3Y","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1b70-7b6b-9779-3d9daa21960e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1PqDGUYqjeNbCNXxWksuEilk","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:07.841+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1ZU2EtZzxC2dcFcZCBDYTpXT', 38, 'payment_intent.created', '01a21add-1cad-775d-9ebf-e063b7809470', '{"api_version":"2026-09-30.endive","created":1795747028,"data":{"object":{"amount":5000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_313VhVvoZ6xJne5LVeWwThVX_secret_simulated","confirmation_method":"automatic","created":1795747028,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_313VhVvoZ6xJne5LVeWwThVX","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1cad-775d-9ebf-e063b7809470","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1ZU2EtZzxC2dcFcZCBDYTpXT","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:08.154+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_11VIK3Fo2jTBmpKlE0l84aCR', 41, 'charge.refunded', '01a21add-1cad-775d-9ebf-e063b7809470', '{"api_version":"2026-09-30.endive","created":1795747028,"data":{"object":{"amount":5000,"amount_captured":5000,"amount_refunded":5000,"application":null,"application_fee":null,"application_fee_amount":null,"balance_transaction":null,"billing_details":{"address":{"city":null,"country":null,"line1":null,"line2":null,"postal_code":null,"state":null},"email":"Guest-4@example.com","name":null,"phone":null,"tax_id":null},"calculated_statement_descriptor":null,"captured":true,"created":1795747028,"currency":"eur","customer":null,"description":null,"disputed":false,"failure_balance_transaction":null,"failure_code":null,"failure_message":null,"fraud_details":{},"id":"ch_3KYpxVKgzLryyu992N0E3sbf","livemode":false,"metadata":{"holdfast_hold":"01a21add-1cad-775d-9ebf-e063b7809470","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"object":"charge","on_behalf_of":null,"outcome":{"advice_code":null,"network_advice_code":null,"network_decline_code":null,"network_status":"approved_by_network","reason":null,"risk_level":"normal","seller_message":"Payment complete.","type":"authorized"},"paid":true,"payment_intent":"pi_313VhVvoZ6xJne5LVeWwThVX","payment_method":null,"payment_method_details":null,"receipt_email":null,"receipt_number":null,"receipt_url":null,"refunded":true,"review":null,"shipping":null,"source":null,"source_transfer":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_11VIK3Fo2jTBmpKlE0l84aCR","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":"req_318t5EAHbncdMy","idempotency_key":"a19cfe86-e76e-42c3-a35b-d4f172ee6f22"},"type":"charge.refunded"}', '2026-11-27 02:37:08.478+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_1DGsPhFAQrSZynwpk61AzO5s', 28, 'payment_intent.created', '01a21add-1a2b-756b-a184-51b302291b9e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":3000,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic_async","client_secret":"pi_37LYwvIXjeNoCPfIH34Q4GIT_secret_simulated","confirmation_method":"automatic","created":1795747027,"currency":"eur","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"id":"pi_37LYwvIXjeNoCPfIH34Q4GIT","last_payment_error":null,"latest_charge":null,"livemode":false,"managed_payments":{"enabled":false},"metadata":{"holdfast_hold":"01a21add-1a2b-756b-a184-51b302291b9e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"next_action":null,"object":"payment_intent","on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card","customer_balance"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}},"id":"evt_1DGsPhFAQrSZynwpk61AzO5s","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"payment_intent.created"}', '2026-11-27 02:37:07.513+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_second', 46, 'checkout.session.completed', '01a21add-140c-7f40-a4ba-b7574dc691d0', '{"id": "evt_second", "object": "event", "api_version": "2025-03-31.basil", "created": 1795747028, "livemode": false, "type": "checkout.session.completed", "data": {"object": {"id": "cs_test_a1GnJTyI5CZef1M2kv7oQnfzI2rbjleRX79OSjhTV89TC6NgHfjeRTFiDX", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid", "payment_intent": "pi_second", "amount_total": 5000, "currency": "eur", "client_reference_id": "01a21add-140c-7f40-a4ba-b7574dc691d0", "metadata": {"holdfast_hold": "01a21add-140c-7f40-a4ba-b7574dc691d0", "hold_id": "01a21add-140c-7f40-a4ba-b7574dc691d0"}}}}', '2026-11-27 02:37:08.537+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_12YIlRICYRAdDK4348dH6WSB', 29, 'charge.refunded', '01a21add-1a2b-756b-a184-51b302291b9e', '{"api_version":"2026-09-30.endive","created":1795747027,"data":{"object":{"amount":3000,"amount_captured":3000,"amount_refunded":3000,"application":null,"application_fee":null,"application_fee_amount":null,"balance_transaction":null,"billing_details":{"address":{"city":null,"country":null,"line1":null,"line2":null,"postal_code":null,"state":null},"email":"Guest-2@example.com","name":null,"phone":null,"tax_id":null},"calculated_statement_descriptor":null,"captured":true,"created":1795747027,"currency":"eur","customer":null,"description":null,"disputed":false,"failure_balance_transaction":null,"failure_code":null,"failure_message":null,"fraud_details":{},"id":"ch_3DK8rjbfRMoWBIP3IstubtsL","livemode":false,"metadata":{"holdfast_hold":"01a21add-1a2b-756b-a184-51b302291b9e","holdfast_installation":"8c875fd7accc415793aa6bc7f7c4261f"},"object":"charge","on_behalf_of":null,"outcome":{"advice_code":null,"network_advice_code":null,"network_decline_code":null,"network_status":"approved_by_network","reason":null,"risk_level":"normal","seller_message":"Payment complete.","type":"authorized"},"paid":true,"payment_intent":"pi_37LYwvIXjeNoCPfIH34Q4GIT","payment_method":null,"payment_method_details":null,"receipt_email":null,"receipt_number":null,"receipt_url":null,"refunded":true,"review":null,"shipping":null,"source":null,"source_transfer":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,"transfer_group":null}},"id":"evt_12YIlRICYRAdDK4348dH6WSB","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":"req_ldRakG36BbnABd","idempotency_key":"bb756879-f2f2-460b-8192-8d85e1a8fa13"},"type":"charge.refunded"}', '2026-11-27 02:37:07.82+00');
INSERT INTO public.stripe_events OVERRIDING SYSTEM VALUE VALUES ('evt_late_1', 43, 'checkout.session.completed', '01a21add-1e0e-7f20-b447-10bba9dd28fd', '{"id": "evt_late_1", "object": "event", "api_version": "2025-03-31.basil", "created": 1795747028, "livemode": false, "type": "checkout.session.completed", "data": {"object": {"id": "cs_test_a1jPuMRIweW5YRbYlbZf5fIOED15L9vnGhFcbkvOMzzFbwK7TTSFbJziVJ", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid", "payment_intent": "pi_late_1", "amount_total": 3000, "currency": "eur", "client_reference_id": "01a21add-1e0e-7f20-b447-10bba9dd28fd", "metadata": {"holdfast_hold": "01a21add-1e0e-7f20-b447-10bba9dd28fd", "hold_id": "01a21add-1e0e-7f20-b447-10bba9dd28fd"}}}}', '2026-11-27 02:37:08.516+00');
SELECT pg_catalog.setval('public.event_types_seq_seq', 4, true);
SELECT pg_catalog.setval('public.hold_history_seq_seq', 38, true);
SELECT pg_catalog.setval('public.resources_seq_seq', 9, true);
SELECT pg_catalog.setval('public.stripe_events_seq_seq', 46, true);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (resource_id, from_feed, id);
ALTER TABLE ONLY public.calendar_feeds
    ADD CONSTRAINT calendar_feeds_pkey PRIMARY KEY (resource_id);
ALTER TABLE ONLY public.checkout_attempts
    ADD CONSTRAINT checkout_attempts_key UNIQUE (idempotency_key);
ALTER TABLE ONLY public.checkout_attempts
    ADD CONSTRAINT checkout_attempts_pkey PRIMARY KEY (hold_id);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_order_key UNIQUE (order_key);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_types
    ADD CONSTRAINT event_types_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_types
    ADD CONSTRAINT event_types_seq_key UNIQUE (seq);
ALTER TABLE ONLY public.guests
    ADD CONSTRAINT guests_pkey PRIMARY KEY (email);
ALTER TABLE ONLY public.hold_history
    ADD CONSTRAINT hold_history_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_session UNIQUE (session_id);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_alone UNIQUE (alone);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.occupancy
    ADD CONSTRAINT occupancy_one_buyer EXCLUDE USING gist (resource_id WITH =, during WITH &&, unit WITH =);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (intent_id);
ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_seq UNIQUE (seq);
ALTER TABLE ONLY public.stripe_events
    ADD CONSTRAINT stripe_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stripe_events
    ADD CONSTRAINT stripe_events_seq UNIQUE (seq);
CREATE INDEX blocks_during ON public.blocks USING gist (resource_id, tstzrange(starts_at, ends_at));
CREATE INDEX calendar_feeds_due ON public.calendar_feeds USING btree (due_at);
CREATE INDEX checkout_attempts_open ON public.checkout_attempts USING btree (claimed_at) WHERE (state = ANY (ARRAY['running'::text, 'unsettled'::text]));
CREATE INDEX checkout_attempts_over ON public.checkout_attempts USING btree (ended_at) WHERE (state = ANY (ARRAY['placed'::text, 'lost'::text, 'abandoned'::text]));
CREATE INDEX clients_idle ON public.clients USING btree (updated_at) WHERE (held = 0);
CREATE INDEX commands_due ON public.commands USING btree (due_at) WHERE (done_at IS NULL);
CREATE INDEX commands_newest ON public.commands USING btree (created_at DESC, id DESC);
CREATE INDEX hold_history_hold ON public.hold_history USING btree (hold_id, seq);
CREATE INDEX holds_due_at ON public.holds USING btree (due_at) WHERE (status = ANY (ARRAY['held'::text, 'processing'::text]));
CREATE INDEX holds_guest ON public.holds USING btree (guest_id, created_at DESC, id DESC) WHERE (guest_id IS NOT NULL);
CREATE INDEX holds_intent ON public.holds USING btree (intent_id) WHERE (intent_id IS NOT NULL);
CREATE INDEX holds_money_without_slot ON public.holds USING btree (id) WHERE ((status = ANY (ARRAY['released'::text, 'cancelled'::text])) AND (funds = 'paid'::text));
CREATE INDEX holds_newest ON public.holds USING btree (created_at DESC, id DESC);
CREATE INDEX holds_overdue ON public.holds USING btree (expires_at) WHERE (status = 'held'::text);
CREATE INDEX holds_slot_without_money ON public.holds USING btree (id) WHERE ((status = 'confirmed'::text) AND (funds = 'none'::text));
CREATE INDEX holds_to_forget ON public.holds USING btree (updated_at) WHERE ((status = ANY (ARRAY['released'::text, 'cancelled'::text])) AND (guest_email IS NOT NULL));
CREATE INDEX holds_unpaid ON public.holds USING btree (id) WHERE (status = ANY (ARRAY['held'::text, 'processing'::text]));
CREATE INDEX occupancy_hold ON public.occupancy USING btree (hold_id);
CREATE INDEX occupancy_latest ON public.occupancy USING btree (resource_id, hold_id);
CREATE INDEX payments_hold ON public.payments USING btree (hold_id);
CREATE INDEX payments_open ON public.payments USING btree (state) WHERE (state = ANY (ARRAY['refund_due'::text, 'refund_failed'::text]));
CREATE INDEX stripe_events_emptied ON public.stripe_events USING btree (applied_at) WHERE (payload IS NULL);
CREATE INDEX stripe_events_hold ON public.stripe_events USING btree (hold_id, seq) WHERE (hold_id IS NOT NULL);
CREATE INDEX stripe_events_kept ON public.stripe_events USING btree (applied_at) WHERE (payload IS NOT NULL);
CREATE TRIGGER holds_counted_out AFTER UPDATE OF status ON public.holds FOR EACH ROW WHEN (((old.status = 'held'::text) AND (new.status <> 'held'::text))) EXECUTE FUNCTION public.holds_counted_out();
CREATE TRIGGER payments_funds AFTER INSERT OR UPDATE OF state, hold_id ON public.payments FOR EACH ROW WHEN ((new.hold_id IS NOT NULL)) EXECUTE FUNCTION public.payments_funds();
ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES public.resources(id);
ALTER TABLE ONLY public.calendar_feeds
    ADD CONSTRAINT calendar_feeds_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES public.resources(id);
ALTER TABLE ONLY public.hold_history
    ADD CONSTRAINT hold_history_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.holds(id);
ALTER TABLE ONLY public.occupancy
    ADD CONSTRAINT occupancy_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.holds(id);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.holds(id);
