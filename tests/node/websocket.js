// A plain websocket server for the tests, on a free port of 127.0.0.1: it echoes. A JSON message may ask for more:
// {"noise": n} gets n messages of no interest first, {"late": ms} is answered late, {"close": code} closes.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  handleProtocols: (offered) => (offered.has("scalectl") ? "scalectl" : false),
});

function parsed(data) {
  try {
    return JSON.parse(data.toString());
  } catch {
    return {};
  }
}

server.on("connection", (socket, request) => {
  const seen = { url: request.url, cookie: request.headers.cookie ?? null, custom: request.headers["x-test"] ?? null };
  process.stdout.write(`${JSON.stringify({ what: "open", ...seen, protocol: socket.protocol })}\n`);
  socket.on("message", (data, isBinary) => {
    const wish = isBinary ? {} : parsed(data);
    if (wish.close) return socket.close(wish.close);
    for (let number = 0; number < (wish.noise ?? 0); number += 1) socket.send(JSON.stringify({ noise: number }));
    setTimeout(() => socket.send(data, { binary: isBinary }), wish.late ?? 0);
  });
  socket.on("close", (code) => process.stdout.write(`${JSON.stringify({ what: "close", code })}\n`));
});
server.on("listening", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
