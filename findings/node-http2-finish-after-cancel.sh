#!/bin/sh
# Node's HTTP/2 compatibility API: the response of a request that the client cancels (RST_STREAM)
# while it is being written emits `finish` and says `writableFinished`, though nobody has ended it.
# On HTTP/1 a response whose client leaves emits `close` alone. Who counts `finish` as a response that
# was sent whole counts these.
#
# Seen on Node 20.20.2, 24.21.0 and 26.10.0:
#   {"events":["finish","close"],"writableEnded":false,"writableFinished":true}
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  node20@npm:node@20.20.2 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > program.cjs <<'PROGRAM'
const http2 = require('node:http2');

const server = http2.createServer((request, response) => {
  const events = [];
  for (const event of ['finish', 'close']) response.on(event, () => events.push(event));
  response.on('close', () => {
    setImmediate(() => {
      const { writableEnded, writableFinished } = response;
      console.log(JSON.stringify({ events, writableEnded, writableFinished }));
      client.close();
      server.close();
    });
  });
  response.writeHead(200);
  response.write('the first part');
});
let client;
server.listen(0, () => {
  client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  const stream = client.request({ ':path': '/' });
  stream.on('error', () => {});
  stream.once('data', () => stream.close(http2.constants.NGHTTP2_CANCEL));
});
PROGRAM
expected='{"events":["finish","close"],"writableEnded":false,"writableFinished":true}'
for name in node20 node24 node26; do
  seen=$("node_modules/$name/bin/node" program.cjs)
  echo "$name $seen"
  [ "$seen" = "$expected" ]
done
