// The checkout that a shop writes for itself: Fastify, node-postgres and Stripe's official library.
//
// It makes the session first and then inserts the hold. Who loses gets 409, and the session is expired. What it leaves
// out is listed in docs/benchmarks.md.
import Fastify from "fastify";
import pg from "pg";
import Stripe from "stripe";

// Stripe keeps a session open for at least 30 minutes.
const HOLD_MINUTES = 31;
const SWEEP_INTERVAL_MS = 60_000;
const { DATABASE_URL, DATABASE_CONNECTIONS, PORT, STRIPE_API_BASE, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET } =
  process.env;

const database = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DATABASE_CONNECTIONS ?? 10) });
const stripe = new Stripe(STRIPE_SECRET_KEY, { telemetry: false, ...stripeAddress(STRIPE_API_BASE) });
const server = Fastify();

function stripeAddress(base) {
  if (!base) return {};
  const { protocol, hostname, port } = new URL(base);
  return { protocol: protocol.replace(":", ""), host: hostname, port };
}

async function inTransaction(work) {
  const connection = await database.connect();
  try {
    await connection.query("BEGIN");
    const result = await work(connection);
    await connection.query("COMMIT");
    return result;
  } catch (error) {
    await connection.query("ROLLBACK");
    throw error;
  } finally {
    connection.release();
  }
}

async function isTaken(connection, offer, startsAt) {
  const live = await connection.query(
    "SELECT 1 FROM holds WHERE offer = $1 AND starts_at = $2 AND expires_at > now() LIMIT 1",
    [offer, startsAt],
  );
  return live.rowCount > 0;
}

/** Inserts the hold. Returns its id, or nothing if somebody else has the slot. */
function insertHold(offer, startsAt, email, session, expiresAt) {
  return inTransaction(async (connection) => {
    if (await isTaken(connection, offer.id, startsAt)) return undefined;
    const inserted = await connection.query(
      `INSERT INTO holds (offer, starts_at, ends_at, email, expires_at, session)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id`,
      [offer.id, startsAt, new Date(startsAt.getTime() + offer.minutes * 60_000), email, expiresAt, session],
    );
    return inserted.rows[0]?.id;
  });
}

function createSession(offer, startsAt, guest, expiresAt) {
  const metadata = { offer: offer.id, starts_at: startsAt.toISOString(), name: guest.name ?? "" };
  return stripe.checkout.sessions.create({
    mode: "payment",
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: offer.currency,
          unit_amount: offer.amount,
          product_data: { name: offer.name },
        },
      },
    ],
    customer_email: guest.email,
    expires_at: Math.floor(expiresAt.getTime() / 1000),
    success_url: "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
    cancel_url: "https://shop.example/back",
    metadata,
    payment_intent_data: { metadata },
  });
}

const guestSchema = {
  type: "object",
  required: ["email"],
  properties: { email: { type: "string", format: "email" }, name: { type: "string", maxLength: 200 } },
};
const bodySchema = {
  type: "object",
  required: ["event_type", "starts_at", "guest"],
  properties: {
    event_type: { type: "string", maxLength: 100 },
    starts_at: { type: "string", format: "date-time" },
    guest: guestSchema,
  },
};

server.post("/v1/holds", { schema: { body: bodySchema } }, async (request, reply) => {
  const { event_type, guest } = request.body;
  const startsAt = new Date(request.body.starts_at);
  const offers = await database.query("SELECT id, name, minutes, amount, currency FROM offers WHERE id = $1", [
    event_type,
  ]);
  const offer = offers.rows[0];
  if (!offer) return reply.code(404).send({ error: "no_such_offer" });
  if (await isTaken(database, offer.id, startsAt)) return reply.code(409).send({ error: "slot_taken" });

  const expiresAt = new Date(Date.now() + HOLD_MINUTES * 60_000);
  const session = await createSession(offer, startsAt, guest, expiresAt);
  const id = await insertHold(offer, startsAt, guest.email, session.id, expiresAt);
  if (id === undefined) {
    await stripe.checkout.sessions.expire(session.id);
    return reply.code(409).send({ error: "slot_taken" });
  }
  return reply.code(201).send({ id, checkout_session: session.id, checkout_url: session.url, expires_at: expiresAt });
});

async function applyEvent({ type, data: { object: session } }) {
  if (type === "checkout.session.completed" && session.payment_status === "paid") {
    await database.query(
      `UPDATE holds SET is_paid = true, expires_at = 'infinity', intent = $2, updated_at = now()
       WHERE session = $1`,
      [session.id, session.payment_intent],
    );
  } else if (type === "checkout.session.expired") {
    await database.query("DELETE FROM holds WHERE session = $1 AND NOT is_paid", [session.id]);
  }
}

server.register(async (scope) => {
  // The signature is that of the bytes.
  scope.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request, bytes) => bytes);
  scope.post("/webhooks/stripe", async (request, reply) => {
    let event;
    try {
      const signature = request.headers["stripe-signature"];
      event = stripe.webhooks.constructEvent(request.body, signature, STRIPE_WEBHOOK_SECRET);
    } catch {
      return reply.code(400).send({ error: "bad_signature" });
    }
    await applyEvent(event);
    return { received: true };
  });
});

setInterval(() => {
  database.query("DELETE FROM holds WHERE NOT is_paid AND expires_at < now()").catch(console.error);
}, SWEEP_INTERVAL_MS);

const address = await server.listen({ host: "127.0.0.1", port: Number(PORT ?? 3000) });
console.error(`the checkout by hand listens on ${address}`);
