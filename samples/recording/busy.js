// A Node server that promises to hold idle connections for a second, and can do nothing else while it works out an
// answer. Usage: node busy.js ADDRESS PORT

const [address, port] = process.argv.slice(2);
const server = require("http").createServer((request, response) => {
  for (const end = Date.now() + 50; Date.now() < end; );
  response.sendDate = false;
  response.end("done\n");
});
server.keepAliveTimeout = 1000;
server.listen(port, address);
