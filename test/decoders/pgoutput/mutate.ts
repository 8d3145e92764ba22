/** A copy of the bytes with one to three faults: bits flipped, bytes replaced, cut out, repeated, or a length overwritten. */
export function mutate(data: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(data);
  const faults = 1 + Math.floor(random() * 3);
  for (let i = 0; i < faults && bytes.length > 0; i++) bytes = fault(bytes, random);
  return bytes;
}

/** Where off-by-one and sign errors live. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];

function fault(bytes: Buffer<ArrayBuffer>, random: () => number): Buffer<ArrayBuffer> {
  const at = Math.floor(random() * bytes.length);
  const length = 1 + Math.floor(random() * Math.min(8, bytes.length - at));
  switch (Math.floor(random() * 5)) {
    case 0:
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      return bytes;
    case 1:
      bytes[at] = EDGES[Math.floor(random() * EDGES.length)]!;
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    default:
      bytes.fill(EDGES[Math.floor(random() * EDGES.length)]!, at, at + length);
      return bytes;
  }
}
