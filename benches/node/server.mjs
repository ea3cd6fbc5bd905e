// The peer of benches/memory.sh: the same handshake as the reference server's, with Node's socket.io.
// Prints its address when it listens.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Server } from "socket.io";

const tokens = new Map();

const http = createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/api/auth/guest") {
    response.writeHead(404).end();
    return;
  }
  request.resume().on("end", () => {
    const token = randomUUID();
    tokens.set(token, { id: randomUUID() });
    response.writeHead(201, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify({ token, user: tokens.get(token) }));
  });
});

// Without per-message compression, as the document that names 2,000 connections an instance has it.
const io = new Server(http, { perMessageDeflate: false, maxHttpBufferSize: 1e6 });
const userSocketMap = new Map();

io.use((socket, next) => {
  const user = tokens.get(socket.handshake.auth.token);
  tokens.delete(socket.handshake.auth.token);
  if (!user) return next(new Error("bad_token"));
  socket.data.user = user;
  next();
});

io.on("connection", (socket) => {
  userSocketMap.set(socket.data.user.id, socket.id);
  socket.on("chat:typing", () => {});
  socket.on("chess:move", () => {});
  socket.on("disconnect", () => userSocketMap.delete(socket.data.user.id));
});

http.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
