/** As much of the ELF format (64 bits, little-endian) as tells what a library gives and wants. */
import { readFileSync } from 'node:fs';

const SECTION_DYNAMIC_SYMBOLS = 11;
const SECTION_VERSIONS_NEEDED = 0x6fff_fffe;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

export interface ElfFacts {
  readonly exportedSymbols: readonly string[];
  /** `GLIBC_2.28` and the like. */
  readonly neededVersions: readonly string[];
}

export function readElf(path: string): ElfFacts {
  const file = readFileSync(path);
  if (file.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  const sections = readSections(file);
  return {
    exportedSymbols: readExportedSymbols(file, sections),
    neededVersions: readNeededVersions(file, sections),
  };
}

function readSections(file: Buffer): Section[] {
  const tableOffset = Number(file.readBigUInt64LE(0x28));
  const entrySize = file.readUInt16LE(0x3a);
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => {
    const entry = tableOffset + index * entrySize;
    return {
      type: file.readUInt32LE(entry + 0x04),
      offset: Number(file.readBigUInt64LE(entry + 0x18)),
      size: Number(file.readBigUInt64LE(entry + 0x20)),
      link: file.readUInt32LE(entry + 0x28),
      info: file.readUInt32LE(entry + 0x2c),
    };
  });
}

function readExportedSymbols(file: Buffer, sections: readonly Section[]): string[] {
  const symbols: string[] = [];
  for (const section of sections) {
    if (section.type !== SECTION_DYNAMIC_SYMBOLS) continue;
    for (let entry = section.offset; entry < section.offset + section.size; entry += 24) {
      const isLocal = file.readUInt8(entry + 4) >> 4 === 0;
      const isDefined = file.readUInt16LE(entry + 6) !== 0;
      if (isDefined && !isLocal) symbols.push(nameOf(file, sections, section, entry));
    }
  }
  return symbols.sort();
}

function readNeededVersions(file: Buffer, sections: readonly Section[]): string[] {
  const versions = new Set<string>();
  for (const section of sections) {
    if (section.type !== SECTION_VERSIONS_NEEDED) continue;
    let library = section.offset;
    for (let count = section.info; count > 0; count -= 1) {
      let version = library + file.readUInt32LE(library + 8);
      for (let rest = file.readUInt16LE(library + 2); rest > 0; rest -= 1) {
        versions.add(nameOf(file, sections, section, version + 8));
        version += file.readUInt32LE(version + 12);
      }
      library += file.readUInt32LE(library + 12);
    }
  }
  return [...versions].sort();
}

function nameOf(file: Buffer, sections: readonly Section[], owner: Section, at: number): string {
  const start = (sections[owner.link]?.offset ?? 0) + file.readUInt32LE(at);
  return file.toString('latin1', start, file.indexOf(0, start));
}
