// Two http.Agents at once, each with two requests a second apart; then both sit idle for 8 s. The first knows no
// timeout of its own, the second does and so takes the server's hint. Usage: node agent.js ADDRESS PORT

const http = require("http");
const [host, port] = process.argv.slice(2);

for (const [name, options] of [["unhurried", {}], ["heedful", { timeout: 60000 }]]) {
  const agent = new http.Agent({ keepAlive: true, ...options });
  const get = (path, then) => http.get({ host, port, path, agent }, (response) => response.resume().on("end", then));
  get(`/${name}/1`, () => setTimeout(get, 1000, `/${name}/2`, () => {}));
}
setTimeout(() => {}, 9000); // Idle sockets alone would not keep the process alive.
