// A Node server as small as they come, with an idle timeout of 5 s. Usage: node hello.js ADDRESS PORT

const [address, port] = process.argv.slice(2);
const server = require("http").createServer((request, response) => response.end("hello\n".repeat(50)));
server.keepAliveTimeout = 5000; // The default of many versions, but not of all.
server.listen(port, address);
