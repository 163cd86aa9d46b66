// Hands on what comes over a WebSocket to the server of the URL, and tells its own port.
import net from 'node:net';
import process from 'node:process';
import { WebSocketServer } from 'ws';

const { hostname, port } = new URL(process.argv[2]);
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
server.on('connection', (webSocket) => {
  const socket = net.connect(Number(port), hostname);
  webSocket.on('message', (data) => socket.write(data));
  socket.on('data', (data) => webSocket.send(data));
  socket.on('close', () => webSocket.close());
  socket.on('error', () => webSocket.close());
  webSocket.on('close', () => socket.destroy());
});
server.on('listening', () => process.send(server.address().port));
process.on('disconnect', () => process.exit());
