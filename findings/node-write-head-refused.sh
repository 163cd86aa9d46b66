#!/bin/sh
# Node's `response.writeHead(status, headers)` that throws because a value is not allowed: where no
# header had been set before, nothing of the call is kept, and the next head goes out without it.
# Where any header had been set, the names in front of the bad one stay set, and go out with the error
# page that the application sends next.
#
# Seen on Node 20.20.2, 24.21.0 and 26.10.0 (headers that reach the client after the refused call):
#   nothing set before: none
#   one set before: x-before,x-first
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  node20@npm:node@20.20.2 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > program.cjs <<'PROGRAM'
const http = require('node:http');

function ask(hasHeader) {
  return new Promise((resolve) => {
    const server = http.createServer((request, response) => {
      if (hasHeader) response.setHeader('x-before', '1');
      try {
        response.writeHead(200, { 'x-first': 'a', 'x-second': 'line\nbreak' });
      } catch {
        response.statusCode = 500;
      }
      response.end();
    });
    server.listen(0, () => {
      http.get({ port: server.address().port, agent: false }, (message) => {
        message.resume().on('end', () => {
          server.close();
          const names = Object.keys(message.headers).filter((name) => name.startsWith('x-'));
          resolve(names.join() || 'none');
        });
      });
    });
  });
}

(async () => {
  console.log(`nothing set before: ${await ask(false)}`);
  console.log(`one set before: ${await ask(true)}`);
})();
PROGRAM
expected='nothing set before: none
one set before: x-before,x-first'
for name in node20 node24 node26; do
  seen=$("node_modules/$name/bin/node" program.cjs)
  echo "$name: $seen"
  [ "$seen" = "$expected" ]
done
