// What the tests of the protocol ask of a server beside serving: to tell every request and packet, to get requests
// that were changed on their way, to send packets that are none, to have somebody else speak for a session.
const http = require("node:http");
const { once } = require("node:events");
const WebSocket = require("ws");

// Tells each request; what the server then sees is another one where `replace` or `method` say so.
function alter(server, { replace = [], method }, tell) {
  const change = (request) => {
    const query = new URL(request.url, "http://server").searchParams;
    if (query.has("intruder")) return;
    tell({ what: "request", method: request.method, transport: query.get("transport"), sid: query.has("sid") });
    for (const [from, to] of replace) request.url = request.url.replace(from, to);
    request.method = method ?? request.method;
  };
  server.prependListener("request", change);
  server.prependListener("upgrade", change);
}

// Tells what is sent, packet by packet, and what polling carries, payload by payload. With `instead`, the first
// packet of the client has that in answer, whatever it was.
function watch(engine, { instead }, shown, tell) {
  engine.on("packetCreate", ({ type, data }) => tell({ what: "sent", type, data: shown(data) }));
  if (instead) engine.once("packet", () => engine.write(instead));
  const { transport } = engine;
  if (transport.name !== "polling") return;
  const { write, onData } = transport;
  transport.write = (data, options) => {
    tell({ what: "payload", data });
    write.call(transport, data, options);
  };
  transport.onData = (data) => {
    tell({ what: "body", data });
    onData.call(transport, data);
  };
}

// On polling nothing can be sent while no request waits for it.
async function ready(transport) {
  while (transport.name === "polling" && !transport.writable) await once(transport, "ready");
}

// Sends a text as it is, past the encoder of Engine.IO.
async function sendRaw(transport, text) {
  await ready(transport);
  if (transport.name === "websocket") {
    transport.socket.send(text);
    return;
  }
  transport.writable = false;
  transport.write(text, {});
}

// Speaks for the session of `engine` as another client that knows its id would, and says what came of it.
function intrude(engine, server, transport) {
  const { port } = server.address();
  const url = `//127.0.0.1:${port}/socket.io/?EIO=4&transport=${transport}&sid=${engine.id}&intruder=1`;
  return new Promise((resolve) => {
    if (transport === "polling") {
      http.get(`http:${url}`, (answer) => resolve(answer.resume().statusCode)).on("error", () => resolve("error"));
    } else {
      const websocket = new WebSocket(`ws:${url}`);
      websocket.on("close", () => resolve("closed"));
      websocket.on("error", () => {});
    }
  });
}

// The events by which a scenario asks for all this.
function misbehave(socket, server, tell) {
  const engine = socket.conn;
  // A text in the place of a Socket.IO packet, or of an Engine.IO packet.
  socket.on("malformed", (text) => engine.write(text));
  socket.on("malformedEngine", (text) => sendRaw(engine.transport, text));
  socket.on("heartbeats", (count, ack) => {
    let left = count;
    const beat = () => {
      left -= 1;
      if (left > 0) return;
      engine.off("heartbeat", beat);
      ack(count);
    };
    engine.on("heartbeat", beat);
  });
  socket.on("intrude", async (ack) => {
    ack(await intrude(engine, server, "polling"), await intrude(engine, server, "websocket"));
  });
  socket.on("overlap", async () => {
    await ready(engine.transport);
    tell({ what: "overlap", status: await intrude(engine, server, "polling") });
  });
}

module.exports = { alter, watch, misbehave };
