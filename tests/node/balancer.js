// A balancer before several servers: `node balancer.js sticky|rotating PORT PORT…`. A sticky one keeps a client on the
// server that its cookie `route` names; a rotating one sends every request to the next server.
const { createServer, request: send } = require("node:http");

const [mode, ...ports] = process.argv.slice(2);
let next = 0;

function choose(request) {
  const kept = mode === "sticky" && /(?:^|; )route=(\d+)/.exec(request.headers.cookie ?? "");
  return kept ? Number(kept[1]) : next++ % ports.length;
}

function forward(request, index) {
  return send({
    host: "127.0.0.1",
    port: ports[index],
    method: request.method,
    path: request.url,
    headers: request.headers,
  });
}

const server = createServer((request, response) => {
  const index = choose(request);
  const onward = forward(request, index);
  onward.on("response", (answer) => {
    const headers = { ...answer.headers };
    if (mode === "sticky") headers["set-cookie"] = [headers["set-cookie"] ?? [], `route=${index}; Path=/`].flat();
    response.writeHead(answer.statusCode, headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
});

server.on("upgrade", (request, socket, head) => {
  const index = choose(request);
  const onward = forward(request, index);
  const lines = (answer) => {
    let text = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`;
    for (let at = 0; at < answer.rawHeaders.length; at += 2) {
      text += `${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}\r\n`;
    }
    if (mode === "sticky") text += `set-cookie: route=${index}; Path=/\r\n`;
    return `${text}\r\n`;
  };
  onward.on("upgrade", (answer, other, rest) => {
    socket.write(lines(answer));
    socket.write(rest);
    other.write(head);
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  onward.on("response", (answer) => {
    socket.write(lines(answer));
    answer.pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  onward.end();
});

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
