/** Traffic by hand, one connection for each lane: cheap, so that the victim has the processor. */
import { connect } from 'node:net';

/**
 * Sends requests until the server is gone.
 *
 * @param {number} port
 * @param {number} lanes
 * @param {() => void} onFirstAnswer
 * @returns {{ sent: Map<number, number>, stop(): void }} `sent`: the lane of each request that was
 * sent, filled as it goes.
 */
export function startLoad(port, lanes, onFirstAnswer) {
  const sent = new Map();
  let answered = false;
  const sockets = Array.from({ length: lanes }, (_, lane) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const send = () => {
      const request = sent.size;
      sent.set(request, lane);
      socket.write(`GET /lane/${lane} HTTP/1.1\r\nHost: soak\r\nX-Request: ${request}\r\n\r\n`);
    };
    socket.setEncoding('latin1').on('connect', send);
    socket.on('data', (chunk) => {
      received += chunk;
      // The answer ends with its body, however it was framed.
      if (!/\r\n\r\n(?:[\da-f]+\r\n)?done/.test(received)) return;
      received = '';
      if (!answered) onFirstAnswer();
      answered = true;
      send();
    });
    // The victim is killed: its connections break in any way there is.
    socket.on('error', () => {});
    return socket;
  });
  return { sent, stop: () => sockets.forEach((socket) => socket.destroy()) };
}
