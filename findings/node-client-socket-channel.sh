#!/bin/sh
# Node's diagnostics channel `net.client.socket` tells of new client sockets. In Node 20.20.2 it tells
# of `net.connect()` only: `new net.Socket().connect()`, which is how node-postgres and others open
# theirs, goes untold. Node 22.23.3 and 24.21.0 tell of both.
#
# Seen (version, told of net.connect, told of new Socket().connect()):
#   v20.20.2 1 0
#   v22.23.3 1 1
#   v24.21.0 1 1
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  node20@npm:node@20.20.2 node22@npm:node@22.23.3 node24@npm:node@24.21.0
cat > program.cjs <<'PROGRAM'
const { subscribe } = require('node:diagnostics_channel');
const net = require('node:net');

let told = 0;
subscribe('net.client.socket', () => (told += 1));
const server = net.createServer((socket) => socket.end()).listen(0, () => {
  const { port } = server.address();
  net.connect(port).resume().on('close', () => {
    const first = told;
    new net.Socket().connect(port).resume().on('close', () => {
      console.log(process.version, first, told - first);
      server.close();
    });
  });
});
PROGRAM
expected='v20.20.2 1 0
v22.23.3 1 1
v24.21.0 1 1'
seen=$(for name in node20 node22 node24; do "node_modules/$name/bin/node" program.cjs; done)
echo "$seen"
[ "$seen" = "$expected" ]
