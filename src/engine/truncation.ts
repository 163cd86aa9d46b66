import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 64;
const ELF_MAGIC = 0x7f45_4c46;
const CLASS_64 = 2;

/**
 * Whether a library is an ELF file that ends too early. To load one does not fail, it kills the
 * process: the loader maps more than the file has, and the first access beyond is a SIGBUS.
 * Section headers lie at the end of the file, so that any missing part shows.
 *
 * @throws Error of `node:fs` if the file cannot be read.
 */
export function isTruncatedElf(path: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    const headerBytes = readSync(file, header, 0, HEADER_BYTES, 0);
    const isElf = headerBytes === HEADER_BYTES && header.readUInt32BE(0) === ELF_MAGIC;
    // Of anything else the system's loader says itself what is wrong with it.
    if (!isElf || header.readUInt8(4) !== CLASS_64) return false;
    const sectionsOffset = Number(header.readBigUInt64LE(0x28));
    const sectionsBytes = header.readUInt16LE(0x3a) * header.readUInt16LE(0x3c);
    return sectionsOffset + sectionsBytes > fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}
