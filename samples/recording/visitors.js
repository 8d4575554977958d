// Three visitors for a minute: each has three requests at once, reads for up to two seconds, and has the next three.
// Usage: node visitors.js ADDRESS PORT

const http = require("http");
const [host, port] = process.argv.slice(2);
const until = Date.now() + 60000;
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
let number = 0;

function ask(method, path) {
  return new Promise((done) => {
    const request = http.request({ host, port, method, path }, (response) => response.resume().on("end", done));
    request.on("error", done).end();
  });
}

// Some read for just as long as the server is patient.
const reading = () => (Math.random() < 0.4 ? Math.random() * 1.8 : 1.8 + Math.random() * 0.2);

async function visit() {
  for (await pause(Math.random()); Date.now() < until; await pause(reading())) {
    number++;
    await Promise.all([ask("GET", `/page/${number}`), ask("GET", `/price/${number}`), ask("POST", `/view/${number}`)]);
  }
}

Promise.all([visit(), visit(), visit()]);
