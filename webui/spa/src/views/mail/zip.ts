/**
 * Writes files into one .zip, uncompressed: most of what people attach is compressed already.
 *
 * Source: PKWARE APPNOTE 6.3.10 §4.3, method 0 ("stored"), names in UTF-8 (flag bit 11).
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8 = 0x0800;
const VERSION = 20;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Returns the CRC-32 of some octets. */
export function crc32(octets: Uint8Array): number {
  let sum = 0xffffffff;
  for (const octet of octets) sum = TABLE[(sum ^ octet) & 0xff]! ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Gives each file a name of its own: "photo.jpg", "photo (2).jpg". Paths are cut off. */
export function ownNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((given) => {
    const plain = given.split(/[/\\]/).at(-1)?.replace(/[\u0000-\u001f\u007f]/g, '') || 'file';
    const [, stem = plain, ending = ''] = /^(.*?)(\.[^.]*)?$/.exec(plain) ?? [];
    let name = plain;
    for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${stem} (${n})${ending}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

function fields(size: number, write: (put16: (value: number) => void, put32: (value: number) => void) => void) {
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  write(
    (value) => {
      view.setUint16(at, value, true);
      at += 2;
    },
    (value) => {
      view.setUint32(at, value, true);
      at += 4;
    },
  );
  return new Uint8Array(view.buffer);
}

/** Fetches each part in turn and returns the archive. */
export async function zipped<Part extends { name?: string | null }>(
  parts: readonly Part[],
  fetched: (part: Part) => Promise<Blob>,
): Promise<Blob> {
  const names = ownNames(parts.map((part) => part.name ?? ''));
  const pieces: BlobPart[] = [];
  const central: BlobPart[] = [];
  let offset = 0;
  let directory = 0;
  for (const [n, part] of parts.entries()) {
    const content = await fetched(part);
    const name = new TextEncoder().encode(names[n]);
    const sum = crc32(new Uint8Array(await content.arrayBuffer()));
    const common = (put16: (value: number) => void, put32: (value: number) => void) => {
      put16(VERSION);
      put16(UTF8);
      put16(0); // stored
      put32(0x00210000); // 1980-01-01: when a file was made is nobody's business
      put32(sum);
      put32(content.size);
      put32(content.size);
      put16(name.length);
      put16(0);
    };
    const head = fields(30, (put16, put32) => {
      put32(LOCAL);
      common(put16, put32);
    });
    const entry = fields(46, (put16, put32) => {
      put32(CENTRAL);
      put16(VERSION);
      common(put16, put32);
      put16(0); // comment
      put16(0); // disk
      put16(0);
      put32(0);
      put32(offset);
    });
    pieces.push(head, name, content);
    central.push(entry, name);
    offset += head.length + name.length + content.size;
    directory += entry.length + name.length;
  }
  const end = fields(22, (put16, put32) => {
    put32(END);
    put16(0);
    put16(0);
    put16(parts.length);
    put16(parts.length);
    put32(directory);
    put32(offset);
    put16(0);
  });
  return new Blob([...pieces, ...central, end], { type: 'application/zip' });
}
