// Zip archives without compression: their pictures are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

// files: Uint8Arrays by name, names in ASCII.
export function zip(files) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const letters = new TextEncoder().encode(name);
    const about = numbers([2, 20], [2, 0], [2, 0], [4, 0x00210000], [4, checksum(content)],
      [4, content.length], [4, content.length], [2, letters.length], [2, 0]);
    const head = [numbers([4, 0x04034b50]), about, letters];
    entries.push(numbers([4, 0x02014b50], [2, 20]), about,
      numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), letters);
    parts.push(...head, content);
    offset += [...head, content].reduce((sum, part) => sum + part.length, 0);
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const count = Object.keys(files).length;
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

// Little-endian whole numbers, each given as [bytes, value].
function numbers(...given) {
  return Uint8Array.from(given.flatMap(([bytes, value]) =>
    Array.from({ length: bytes }, (_, place) => Math.floor(value / 256 ** place) & 255)));
}
