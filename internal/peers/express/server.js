// express-session over connect-redis behind the small interface that all peers speak. Its settings
// come from the environment: see settings in internal/peers.
"use strict";

const express = require("express");
const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

const client = createClient({ url: "redis://127.0.0.1:" + process.env.PEER_REDIS });
client.on("error", (err) => console.error("redis:", err.message));
client.connect().catch(console.error);

const app = express();
app.get("/ready", (req, res) => res.end());
app.use(express.urlencoded());
app.use(
  session({
    store: new RedisStore({ client }),
    secret: process.env.PEER_SECRETS.split(","), // the first signs, all verify
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", maxAge: 1000 * Number(process.env.PEER_IDLE) },
  }),
);

const values = (req) => (req.session.values ??= {});

app.get("/get", (req, res) => {
  const value = req.session.values?.[req.query.key];
  res.json({ found: value !== undefined, value: value ?? "" });
});

app.get("/keys", (req, res) => res.json({ keys: Object.keys(req.session.values ?? {}) }));

app.post("/set", async (req, res) => {
  if (req.body.hold) {
    await new Promise((go) => setTimeout(go, 1000 * parseFloat(req.body.hold)));
  }
  values(req)[req.body.key] = req.body.value;
  res.json({});
});

app.post("/delete", (req, res) => {
  delete req.session.values?.[req.body.key];
  res.json({});
});

app.post("/login", (req, res, next) => {
  const before = req.session.values; // regenerate makes a new, empty session
  req.session.regenerate((err) => {
    if (err) return next(err);
    req.session.values = { ...before, user: req.body.user };
    res.json({});
  });
});

app.post("/flush", (req, res, next) => {
  req.session.destroy((err) => (err ? next(err) : res.json({})));
});

app.listen(Number(process.env.PEER_PORT), "127.0.0.1");
