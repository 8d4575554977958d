// An echo server for WebSocket (RFC 6455): turns text frames of less than 126 octets round, answers a close frame
// with one, and closes. Usage: node websocket.js ADDRESS PORT

const { createHash } = require("crypto");
const http = require("http");

const [address, port] = process.argv.slice(2);
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
const TEXT = 0x81, CLOSE = 0x88;

const server = http.createServer();
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + MAGIC).digest("base64");
  socket.write([
    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`, "", "",
  ].join("\r\n"));
  // Each frame comes in a segment of its own here, which a real server could not count on.
  socket.on("data", (frame) => {
    if (frame[0] === TEXT) socket.write(unmasked(frame));
    if (frame[0] === CLOSE) socket.end(unmasked(frame));
  });
});
server.listen(port, address);

function unmasked(frame) {
  const length = frame[1] & 0x7f, key = frame.subarray(2, 6), payload = frame.subarray(6, 6 + length);
  return Buffer.from([frame[0], length, ...payload.map((octet, i) => octet ^ key[i % 4])]);
}
