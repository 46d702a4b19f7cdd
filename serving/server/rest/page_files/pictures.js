// A picture as training would have stored it: the server makes it so, by the code that made the training's.

// Args: storeAtServer(bytes) returns the bytes to send, or throws what is wrong with them.
export async function preparePicture(file, storeAtServer) {
  const given = new Uint8Array(await file.arrayBuffer());
  const bytes = await storeAtServer(given);
  const same = bytes.length === given.length && bytes.every((value, place) => value === given[place]);
  const type = bytes[0] === 0x89 ? "image/png" : "image/jpeg";
  return { name: file.name, bytes, note: same ? "" : ` (${reasonToRedraw(given)})`, url: URL.createObjectURL(new Blob([bytes], { type })) };
}

// Says why the bytes were not stored as they are.
function reasonToRedraw(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && orientation(bytes) > 1) return "turned upright";
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && isTransparent(bytes)) return "laid on white";
  return "redrawn";
}

// The EXIF orientation of a JPEG, 1 to 8; 1 where none is told. Tag 0x0112 of the first directory (CIPA DC-008).
function orientation(bytes) {
  const view = new DataView(bytes.buffer);
  for (let place = 2; place + 10 < bytes.length && bytes[place] === 0xff; place += 2 + view.getUint16(place + 2)) {
    if (bytes[place + 1] === 0xda) return 1;
    if (bytes[place + 1] !== 0xe1 || view.getUint32(place + 4) !== 0x45786966) continue;
    try {
      const start = place + 10;
      const little = view.getUint16(start) === 0x4949;
      const directory = start + view.getUint32(start + 4, little);
      for (let entry = 0; entry < view.getUint16(directory, little); entry++) {
        const tag = directory + 2 + 12 * entry;
        if (view.getUint16(tag, little) === 0x0112) return view.getUint16(tag + 8, little);
      }
    } catch {
      return 1; // damaged EXIF data leave a picture as it is
    }
  }
  return 1;
}

function isTransparent(bytes) {
  const view = new DataView(bytes.buffer);
  if (bytes[25] === 4 || bytes[25] === 6) return true;
  for (let place = 8; place + 12 <= bytes.length; place += 12 + view.getUint32(place)) {
    const name = String.fromCharCode(...bytes.subarray(place + 4, place + 8));
    if (name === "tRNS" || name === "eXIf") return true;
    if (name === "IDAT") return false;
  }
  return false;
}

export function toBase64(bytes) {
  let text = "";
  // an argument list has an end: a large picture does not fit into one call
  for (let place = 0; place < bytes.length; place += 32768) text += String.fromCharCode(...bytes.subarray(place, place + 32768));
  return btoa(text);
}
