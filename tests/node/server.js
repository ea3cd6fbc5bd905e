// A real Socket.IO server for the tests: `node server.js '{"adapter": "redis", …}'`. It listens on a free port of
// 127.0.0.1 and writes what it sees as lines of JSON: what the engine got, upgrades, ends; with `protocol` in the
// settings every request and what was sent as well.
const { createServer } = require("node:http");
const { Server } = require("socket.io");
const { alter, watch, misbehave } = require("./protocol.js");

const settings = JSON.parse(process.argv[2] ?? "{}");

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function adapter() {
  if (!settings.adapter) return undefined;
  const { Redis } = require("ioredis");
  const redis = new Redis(settings.redis);
  if (settings.adapter === "streams") {
    const { createAdapter } = require("@socket.io/redis-streams-adapter");
    return createAdapter(redis);
  }
  const { createAdapter } = require("@socket.io/redis-adapter");
  return createAdapter(redis, redis.duplicate());
}

const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http, { ...settings.options, adapter: adapter() });
const { protocol } = settings;
if (protocol) alter(http, protocol, tell);

io.engine.on("initial_headers", (headers, request) => {
  tell({ what: "handshake", url: request.url.replace(/&sid=[^&]*/, ""), cookie: request.headers.cookie ?? null });
  if (settings.cookie) headers["set-cookie"] = settings.cookie;
});
io.engine.on("connection_error", (error) => tell({ what: "refused", code: error.code, message: error.message }));
io.engine.on("connection", (engine) => {
  tell({ what: "open", transport: engine.transport.name });
  if (protocol) watch(engine, protocol, shown, tell);
  engine.on("packet", ({ type, data }) => tell({ what: "got", type, data: shown(data) }));
  engine.on("upgrade", (transport) => tell({ what: "upgrade", transport: transport.name }));
  engine.on("close", (reason) => tell({ what: "close", reason }));
});

function shown(data) {
  if (data === undefined || typeof data === "string") return data ?? null;
  return { bytes: Buffer.from(data).toString("base64") };
}

let published = 0;
let held = null;

// Makes mistakes where the settings ask for them: every n-th message is dropped, sent twice, sent after the next one.
function publish(nsp, room, args) {
  const { drop, twice, swap } = settings.faults ?? {};
  const isTurn = (fault) => fault !== undefined && published % fault[0] === fault[1];
  const send = () => nsp.to(room).emit("published", ...args);
  published += 1;
  if (isTurn(drop)) return;
  if (isTurn(swap)) {
    held = send;
    return;
  }
  send();
  if (isTurn(twice)) send();
  held?.();
  held = null;
}

function serve(socket) {
  tell({ what: "connect", nsp: socket.nsp.name, recovered: socket.recovered, auth: socket.handshake.auth });
  socket.on("disconnect", (reason) => tell({ what: "disconnect", nsp: socket.nsp.name, reason }));
  // What comes goes back, to the acknowledgement or as an event.
  socket.on("echo", (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : null;
    if (ack) ack(...args);
    else socket.emit("echo", ...args);
  });
  socket.on("both", (value, ack) => {
    socket.emit("answer", value);
    ack(value);
  });
  socket.on("many", (count, ack) => {
    for (let number = 0; number < count; number += 1) socket.emit("number", number, Buffer.from([number]));
    ack(count);
  });
  // The server asks the client for an acknowledgement, and tells what it was.
  socket.on("ask", async (event, ...args) => {
    try {
      socket.emit("asked", await socket.timeout(5_000).emitWithAck(event, ...args));
    } catch {
      socket.emit("asked", "no answer");
    }
  });
  socket.on("transport", (ack) => ack(socket.conn.transport.name));
  socket.on("join", async (room, ack) => {
    await socket.join(room);
    ack(true);
  });
  socket.on("publish", (room, ...args) => publish(socket.nsp, room, args));
  // A server that takes what it needs out of a message, and gives on nothing else.
  socket.on("say", ({ room, text }) => socket.nsp.to(room).emit("said", { message: { text: `${text}`.trim() } }));
  // The connection is lost without a word; whoever is away misses what is published then.
  socket.on("drop", (room) => {
    socket.conn.close();
    if (room) setTimeout(() => socket.nsp.to(room).emit("published", "while away"), 100);
  });
  socket.on("kick", () => socket.disconnect());
  socket.on("silence", () => {});
  if (protocol) {
    misbehave(socket, http, tell);
    socket.emit("auth", socket.handshake.auth);
  }
}

io.on("connection", serve);
io.of("/chat").on("connection", serve);
io.of("/admin")
  .use((socket, next) => {
    const isKnown = socket.handshake.auth.token === "secret";
    next(isKnown ? undefined : Object.assign(new Error("not an administrator"), { data: { code: 7 } }));
  })
  .on("connection", serve);
// Lets nobody in, and says so to nobody.
io.of("/locked").use(() => {});

http.listen(settings.port ?? 0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${http.address().port}\n`);
});
