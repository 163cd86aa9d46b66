/** Reads queries and parameters off the messages of PostgreSQL's frontend protocol. */

const PARSE = 0x50;
const QUERY = 0x51;
const BIND = 0x42;
/** Type and length. */
const HEADER_BYTES = 5;

const utf8 = new TextDecoder();

/** The text of a Query or Parse message; undefined for any other. */
export function textOf(message: Uint8Array): string | undefined {
  const [type] = message;
  if (type === QUERY) return stringAt(message, HEADER_BYTES);
  if (type !== PARSE) return undefined;
  return stringAt(message, message.indexOf(0, HEADER_BYTES) + 1);
}

/** The parameters of a Bind message, as they are sent; undefined for any other. */
export function parametersOf(message: Uint8Array): (string | null)[] | undefined {
  if (message[0] !== BIND) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const afterPortal = message.indexOf(0, HEADER_BYTES) + 1;
  let offset = message.indexOf(0, afterPortal) + 1;
  offset += 2 + 2 * view.getUint16(offset);
  const count = view.getUint16(offset);
  offset += 2;
  const parameters: (string | null)[] = [];
  while (parameters.length < count) {
    const byteLength = view.getInt32(offset);
    offset += 4;
    parameters.push(
      byteLength < 0 ? null : utf8.decode(message.subarray(offset, offset + byteLength)),
    );
    offset += Math.max(0, byteLength);
  }
  return parameters;
}

function stringAt(message: Uint8Array, start: number): string {
  return utf8.decode(message.subarray(start, message.indexOf(0, start)));
}
